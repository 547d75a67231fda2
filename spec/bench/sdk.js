// SPDX-License-Identifier: Apache-2.0
// Converse by the AWS SDK for JavaScript with its default handler, at each endpoint that is named, round by round in
// turns. Prints for each: endpoint, p50 of one call after the other in ms, calls a second with sixteen at a time.
'use strict';
const sdk = require('@aws-sdk/client-bedrock-runtime');

const ROUNDS = 3, CALLS = 64, AT_ONCE = 16;
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

async function atOnce(client) {
	const began = performance.now();
	await Promise.all(Array.from({ length: AT_ONCE }, async () => {
		for (let count = 0; count < CALLS / 8; count++) await call(client);
	}));
	return AT_ONCE * (CALLS / 8) / ((performance.now() - began) / 1000);
}

async function main() {
	const ways = process.argv.slice(2).map((url) => ({ url, client: clientOf(url), times: [], rates: [] }));
	for (const way of ways) await oneByOne(way.client, []);
	for (let round = 0; round < ROUNDS; round++) {
		for (const way of ways) {
			await oneByOne(way.client, way.times);
			way.rates.push(await atOnce(way.client));
		}
	}
	for (const way of ways) console.log(way.url, median(way.times).toFixed(2), median(way.rates).toFixed(0));
	process.exit(0);
}

main();
