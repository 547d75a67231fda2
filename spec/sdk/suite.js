// SPDX-License-Identifier: Apache-2.0
// Runs the tests of one SDK over each transport, each test against its own gateway (so that no breaker or cooldown is
// shared) in front of one emulator. Prints failures and the count.
'use strict';
const assert = require('node:assert/strict');
const http = require('node:http');
const programs = require('./programs.js');

const NOVA = 'us.amazon.nova-2-lite-v1:0';
const CLAUDE = 'us.anthropic.claude-haiku-4-5-20251001-v1:0';
const ARN = 'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0';
const EMBEDDING = 'amazon.titan-embed-text-v2:0';
const PROMPT = '{ ttft_ms = { p50 = 1, p99 = 2 }, tokens_per_second = { p50 = 20000, p99 = 10000 } }';
const SCENARIO = `return { seed = 1, models = { ["*"] = ${PROMPT} } }`;

// One logical name for two models, and two models that serve only their own names.
function policyOf(embeddingPort) {
	return `return { models = {
		{ id = "${NOVA}", serves = { "chat", "anthropic.claude-*" } },
		{ id = "${CLAUDE}", serves = { "chat" }, fallback = true },
		{ id = "${EMBEDDING}", serves = { "embedding" }, endpoint = "http://127.0.0.1:${embeddingPort}" },
		{ id = "${ARN}", serves = { "none" } } } }`;
}

// The emulator makes no embeddings, so these come from a server of their own.
function startEmbedding() {
	const server = http.createServer((request, response) => {
		request.resume();
		request.on('end', () => {
			response.setHeader('content-type', 'application/json');
			response.end('{"embedding":[0.25,-0.5],"inputTextTokenCount":3}');
		});
	});
	return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

async function runTest(title, test, place, tally) {
	const { fault, run } = typeof test === 'function' ? { fault: null, run: test } : test;
	const { tls } = place.transport;
	const urlOf = (port) => `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
	const port = await programs.startGateway(place.emulator, place.policy, tls);
	for (const model of ['*', NOVA, CLAUDE]) await programs.control(place.emulator, model, { fault });
	try {
		await run({ url: urlOf(port), transport: place.transport,
			control: (model, change) => programs.control(place.emulator, model, change),
			startEmulator: async (credentials) => urlOf(await programs.startEmulator(SCENARIO, { credentials, tls })) });
		tally.passed++;
	} catch (error) {
		tally.failed++;
		console.log(`FAILED sdk ${title}\n  ${error.stack}`);
	}
}

async function runAll(name, transports, tests, tally) {
	const embedding = await startEmbedding();
	const emulator = await programs.startEmulator(SCENARIO);
	const policy = policyOf(embedding.address().port);
	for (const transport of transports) {
		for (const [title, test] of Object.entries(tests)) {
			await runTest(`${name}, ${transport.title}: ${title}`, test, { emulator, policy, transport }, tally);
		}
	}
	embedding.close();
	embedding.closeAllConnections();
}

// tests: NAME = function({ url, transport, control, startEmulator }), or { fault, run } if every model is to have that
// fault. transports: a list of { title, tls, ... }.
async function suite(name, transports, tests) {
	const tally = { passed: 0, failed: 0 };
	try {
		await runAll(name, transports, tests, tally);
	} catch (error) {
		tally.failed++;
		console.log(error);
	}
	for (const problem of await programs.stopAll()) {
		tally.failed++;
		console.log(`FAILED sdk ${name}: ${problem}`);
	}
	console.log(`${tally.passed} passed, ${tally.failed} failed`);
	process.exit(tally.failed ? 1 : 0);
}

// Returns what `action` throws; it has to throw.
async function thrown(action) {
	let result;
	try {
		result = await action();
	} catch (error) {
		return error;
	}
	return assert.fail(`nothing was thrown; it returned ${JSON.stringify(result)}`);
}

// Runs `action` 200 times at once.
function atOnce(action) {
	return Promise.all(Array.from({ length: 200 }, action));
}

module.exports = { suite, thrown, atOnce, NOVA, CLAUDE, ARN, EMBEDDING };
