// SPDX-License-Identifier: Apache-2.0
// sdk.js URL...: Converse by the AWS SDK for JavaScript with its default handler, at each endpoint in turn. Prints for
// each: the endpoint; the p50 of sequential calls in ms; for sixteen calls at a time, calls a second and the CPU time
// of this process for each call, in ms.
'use strict';
const sdk = require('@aws-sdk/client-bedrock-runtime');

const ROUNDS = 3, CALLS = 32, AT_ONCE = 16, CALLS_EACH = 20;
const messages = [{ role: 'user', content: [{ text: 'What is an interlocking?' }] }];

function clientOf(endpoint) {
	return new sdk.BedrockRuntimeClient({ endpoint, region: 'us-east-1', maxAttempts: 1,
		credentials: { accessKeyId: 'CLIENT', secretAccessKey: 'client' } });
}

function call(client) {
	return client.send(new sdk.ConverseCommand({ modelId: 'us.amazon.nova-2-lite-v1:0', messages }));
}

function median(list) {
	return list.sort((a, b) => a - b)[list.length >> 1];
}

async function oneByOne(client, times) {
	for (let count = 0; count < CALLS; count++) {
		const began = performance.now();
		await call(client);
		times.push(performance.now() - began);
	}
}

async function atOnce(way) {
	const began = performance.now(), before = process.cpuUsage();
	await Promise.all(Array.from({ length: AT_ONCE }, async () => {
		for (let count = 0; count < CALLS_EACH; count++) await call(way.client);
	}));
	const used = process.cpuUsage(before);
	way.rates.push(AT_ONCE * CALLS_EACH / ((performance.now() - began) / 1000));
	way.cpus.push((used.user + used.system) / 1000 / (AT_ONCE * CALLS_EACH));
}

async function main() {
	const ways = process.argv.slice(2).map((url) => ({ url, client: clientOf(url), times: [], rates: [], cpus: [] }));
	for (const way of ways) await oneByOne(way.client, []);
	for (let round = 0; round < ROUNDS; round++) {
		for (const way of ways) {
			await oneByOne(way.client, way.times);
			await atOnce(way);
		}
	}
	for (const way of ways) {
		console.log(way.url, median(way.times).toFixed(2), median(way.rates).toFixed(0), median(way.cpus).toFixed(2));
	}
	process.exit(0);
}

main();
