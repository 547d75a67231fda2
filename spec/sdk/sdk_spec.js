// SPDX-License-Identifier: Apache-2.0
// The AWS SDK for JavaScript, unmodified, with its HTTP/1.1 handler, against the gateway in front of the emulator: all
// five operations, streams read to their end, and errors raised as the SDK's own classes.
'use strict';
const assert = require('node:assert/strict');
const sdk = require('@aws-sdk/client-bedrock-runtime');
const { NodeHttpHandler } = require('@smithy/node-http-handler');
const programs = require('./programs.js');

const NOVA = 'us.amazon.nova-2-lite-v1:0';
const CLAUDE = 'us.anthropic.claude-haiku-4-5-20251001-v1:0';
const ARN = 'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0';
const PROMPT = '{ ttft_ms = { p50 = 1, p99 = 2 }, tokens_per_second = { p50 = 20000, p99 = 10000 } }';
const SCENARIO = `return { seed = 1, models = { ["*"] = ${PROMPT} } }`;
const POLICY = `return { models = {
	{ id = "${NOVA}", serves = { "chat", "anthropic.claude-*" } },
	{ id = "${CLAUDE}", serves = { "chat" }, fallback = true },
	{ id = "${ARN}", serves = { "none" } } } }`;
const messages = [{ role: 'user', content: [{ text: 'What is an interlocking?' }] }];
const claudeBody = JSON.stringify({ anthropic_version: 'bedrock-2023-05-31', max_tokens: 64,
	messages: [{ role: 'user', content: 'Hi' }] });

let client, emulator;

async function textOf(stream) {
	let text = '', stopped = false, usage;
	for await (const event of stream) {
		if (event.contentBlockDelta) text += event.contentBlockDelta.delta.text ?? '';
		if (event.messageStop) stopped = true;
		if (event.metadata) usage = event.metadata.usage;
	}
	assert.ok(stopped, 'messageStop came');
	return { text, usage };
}

const operations = {
	async Converse() {
		const answer = await client.send(new sdk.ConverseCommand({ modelId: NOVA, messages }));
		assert.equal(answer.output.message.role, 'assistant');
		assert.ok(answer.output.message.content[0].text.length > 0);
		assert.ok(answer.usage.outputTokens > 0);
		assert.match(answer.$metadata.requestId, /^[0-9a-f-]{36}$/);
	},
	async 'Converse by ARN'() {
		const answer = await client.send(new sdk.ConverseCommand({ modelId: ARN, messages }));
		assert.equal(answer.stopReason, 'end_turn');
	},
	async 'Converse by a logical name'() {
		const answer = await client.send(new sdk.ConverseCommand({ modelId: 'chat', messages }));
		assert.equal(answer.stopReason, 'end_turn');
	},
	async ConverseStream() {
		const answer = await client.send(new sdk.ConverseStreamCommand({ modelId: NOVA, messages }));
		const { text, usage } = await textOf(answer.stream);
		assert.ok(text.length > 0);
		assert.ok(usage.outputTokens > 0);
	},
	async InvokeModel() {
		const answer = await client.send(new sdk.InvokeModelCommand({ modelId: CLAUDE, body: claudeBody,
			contentType: 'application/json', accept: 'application/json' }));
		assert.equal(JSON.parse(answer.body.transformToString()).type, 'message');
	},
	async InvokeModelWithResponseStream() {
		const answer = await client.send(new sdk.InvokeModelWithResponseStreamCommand({ modelId: CLAUDE, body: claudeBody,
			contentType: 'application/json' }));
		const types = [];
		for await (const event of answer.body) types.push(JSON.parse(Buffer.from(event.chunk.bytes).toString()).type);
		assert.equal(types[0], 'message_start');
		assert.equal(types.at(-1), 'message_stop');
	},
	async CountTokens() {
		const answer = await client.send(new sdk.CountTokensCommand({ modelId: NOVA, input: { converse: { messages } } }));
		assert.ok(answer.inputTokens > 0);
	},
	async 'fifty streams at once'() {
		const all = Array.from({ length: 50 }, async () => {
			const answer = await client.send(new sdk.ConverseStreamCommand({ modelId: 'chat', messages }));
			return textOf(answer.stream);
		});
		for (const { text } of await Promise.all(all)) assert.ok(text.length > 0);
	},
	async 'failover that the SDK never sees'() {
		await programs.control(emulator, NOVA, { fault: 'ThrottlingException', share: 1.0 });
		for (let count = 0; count < 20; count++) {
			const answer = await client.send(new sdk.ConverseCommand({ modelId: 'chat', messages }));
			assert.equal(answer.$metadata.attempts, 1);
		}
	},
	async 'a model that nobody serves'() {
		await assert.rejects(client.send(new sdk.ConverseCommand({ modelId: 'unheard-of', messages })), (error) => {
			assert.ok(error instanceof sdk.ResourceNotFoundException, error);
			assert.match(error.message, /chat/);
			return true;
		});
	},
};

// What the only model does, and the class that the SDK must raise, from a whole answer and from a stream's start.
const errors = {
	ThrottlingException: 429, ValidationException: 400, AccessDeniedException: 403, ResourceNotFoundException: 404,
	ServiceUnavailableException: 503, InternalServerException: 500, ModelTimeoutException: 408,
	ModelErrorException: 424, ModelNotReadyException: 429,
};

for (const [name, status] of Object.entries(errors)) {
	operations[`${name} raised as the SDK's own`] = async () => {
		await programs.control(emulator, '*', { fault: name, share: 1.0 });
		for (const Command of [sdk.ConverseCommand, sdk.ConverseStreamCommand]) {
			await assert.rejects(client.send(new Command({ modelId: ARN, messages })), (error) => {
				assert.equal(error.name, name);
				// ConverseStream's model has all but these two, which then are the client's general exception.
				assert.ok(error instanceof (sdk[name] ?? sdk.BedrockRuntimeServiceException), error);
				assert.equal(error.$metadata.httpStatusCode, status);
				assert.ok(error.message.length > 0);
				return true;
			});
		}
	};
}

// How a stream goes wrong after its first content, and what reading on raises.
const breaks = {
	'an exception': [{ exception: 'ThrottlingException', after: 4 }, 'ThrottlingException'],
	'a model stream error': [{ exception: 'ModelStreamErrorException', after: 4 }, 'ModelStreamErrorException'],
	'an end without messageStop': ['silent_end', 'ModelStreamErrorException'],
	'a truncated frame': ['truncate', 'ModelStreamErrorException'],
	'a corrupt frame': ['corrupt', 'ModelStreamErrorException'],
};

for (const [name, [fault, raised]] of Object.entries(breaks)) {
	operations[`${name} in a stream raised as ${raised}`] = async () => {
		await programs.control(emulator, '*', { fault, share: 1.0 });
		const answer = await client.send(new sdk.ConverseStreamCommand({ modelId: ARN, messages }));
		await assert.rejects(textOf(answer.stream), (error) => {
			assert.equal(error.name, raised, error);
			assert.ok(error instanceof sdk[raised], error);
			return true;
		});
	};
}

async function main() {
	let passed = 0, failed = 0;
	emulator = await programs.startEmulator(SCENARIO);
	for (const [name, run] of Object.entries(operations)) {
		// A gateway of its own each: no breaker or cooldown of one test is another's.
		const port = await programs.startGateway(emulator, POLICY);
		await programs.control(emulator, '*', { fault: null });
		await programs.control(emulator, NOVA, { fault: null });
		client = new sdk.BedrockRuntimeClient({ endpoint: `http://127.0.0.1:${port}`, region: 'us-east-1', maxAttempts: 1,
			credentials: { accessKeyId: 'CLIENT', secretAccessKey: 'client' }, requestHandler: new NodeHttpHandler() });
		try {
			await run();
			passed++;
		} catch (error) {
			failed++;
			console.log(`FAILED sdk ${name}\n  ${error.stack}`);
		}
		client.destroy();
	}
	for (const problem of await programs.stopAll()) {
		failed++;
		console.log(`FAILED sdk: ${problem}`);
	}
	console.log(`${passed} passed, ${failed} failed`);
	process.exitCode = failed ? 1 : 0;
}

main().catch(async (error) => {
	console.log(error);
	await programs.stopAll();
	console.log('0 passed, 1 failed');
	process.exit(1);
});
