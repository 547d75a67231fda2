// SPDX-License-Identifier: Apache-2.0
// The AWS SDK for JavaScript, unmodified, against the gateway in front of the emulator: all five operations, streams
// read to their end, and errors raised as the SDK's own classes; with its HTTP/1.1 handler and with its default one,
// which uses HTTP/2 with a session for each request.
'use strict';
const assert = require('node:assert/strict');
const sdk = require('@aws-sdk/client-bedrock-runtime');
const { NodeHttpHandler } = require('@smithy/node-http-handler');
const { suite, thrown, atOnce, NOVA, CLAUDE, ARN } = require('./suite.js');

const messages = [{ role: 'user', content: [{ text: 'What is an interlocking?' }] }];
const claudeBody = JSON.stringify({ anthropic_version: 'bedrock-2023-05-31', max_tokens: 64,
	messages: [{ role: 'user', content: 'Hi' }] });

const CREDENTIALS = { accessKeyId: 'CLIENT', secretAccessKey: 'client' };

function clientOf({ url, transport, credentials = CREDENTIALS }) {
	return new sdk.BedrockRuntimeClient({ endpoint: url, region: 'us-east-1', maxAttempts: 1, credentials,
		requestHandler: transport.handler ? new transport.handler() : undefined });
}

// Sends one command with a new client.
async function send(place, command) {
	const client = clientOf(place);
	try {
		return await client.send(command);
	} finally {
		client.destroy();
	}
}

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

async function streamText(client, modelId) {
	const response = await client.send(new sdk.ConverseStreamCommand({ modelId, messages }));
	return textOf(response.stream);
}

const tests = {
	async Converse(place) {
		const response = await send(place, new sdk.ConverseCommand({ modelId: NOVA, messages }));
		assert.equal(response.output.message.role, 'assistant');
		assert.ok(response.output.message.content[0].text.length > 0);
		assert.ok(response.usage.outputTokens > 0);
		assert.match(response.$metadata.requestId, /^[0-9a-f-]{36}$/);
	},
	async 'Converse by ARN'(place) {
		const response = await send(place, new sdk.ConverseCommand({ modelId: ARN, messages }));
		assert.equal(response.stopReason, 'end_turn');
	},
	async 'Converse by a logical name'(place) {
		const response = await send(place, new sdk.ConverseCommand({ modelId: 'chat', messages }));
		assert.equal(response.stopReason, 'end_turn');
	},
	async ConverseStream(place) {
		const { text, usage } = await streamText(clientOf(place), NOVA);
		assert.ok(text.length > 0);
		assert.ok(usage.outputTokens > 0);
	},
	// A destroyed client sends GOAWAY at once; the gateway still serves its request to the end.
	async 'ConverseStream whose client is destroyed meanwhile'(place) {
		await place.control(NOVA, { tokens_per_second: 2000 });
		const client = clientOf(place);
		const response = await client.send(new sdk.ConverseStreamCommand({ modelId: NOVA, messages }));
		const reading = textOf(response.stream);
		if (!place.transport.handler) client.destroy();
		assert.ok((await reading).text.length > 0);
		await place.control(NOVA, { tokens_per_second: 20000 });
	},
	async InvokeModel(place) {
		const response = await send(place, new sdk.InvokeModelCommand({ modelId: CLAUDE, body: claudeBody,
			contentType: 'application/json', accept: 'application/json' }));
		assert.equal(JSON.parse(response.body.transformToString()).type, 'message');
	},
	async 'InvokeModel with a large body'(place) {
		const content = 'word '.repeat(400000);
		const body = JSON.stringify({ anthropic_version: 'bedrock-2023-05-31', max_tokens: 8,
			messages: [{ role: 'user', content }] });
		const response = await send(place, new sdk.InvokeModelCommand({ modelId: CLAUDE, body,
			contentType: 'application/json' }));
		assert.ok(JSON.parse(response.body.transformToString()).usage.input_tokens > 100000);
	},
	async InvokeModelWithResponseStream(place) {
		const response = await clientOf(place).send(new sdk.InvokeModelWithResponseStreamCommand({ modelId: CLAUDE,
			body: claudeBody, contentType: 'application/json' }));
		const types = [];
		for await (const event of response.body) types.push(JSON.parse(Buffer.from(event.chunk.bytes).toString()).type);
		assert.equal(types[0], 'message_start');
		assert.equal(types.at(-1), 'message_stop');
	},
	async CountTokens(place) {
		const response = await send(place, new sdk.CountTokensCommand({ modelId: NOVA, input: { converse: { messages } } }));
		assert.ok(response.inputTokens > 0);
	},
	async '200 streams at once'(place) {
		const client = clientOf(place);
		for (const { text } of await atOnce(() => streamText(client, 'chat'))) assert.ok(text.length > 0);
	},
	async 'failover that the SDK never sees'(place) {
		await place.control(NOVA, { fault: 'ThrottlingException', share: 1.0 });
		const client = clientOf(place);
		for (let count = 0; count < 20; count++) {
			const response = await client.send(new sdk.ConverseCommand({ modelId: 'chat', messages }));
			assert.equal(response.$metadata.attempts, 1);
		}
	},
	async 'signatures, straight to an emulator that checks them'({ startEmulator, transport }) {
		const place = { url: await startEmulator(CREDENTIALS), transport };
		const response = await send(place, new sdk.ConverseCommand({ modelId: ARN, messages }));
		assert.equal(response.stopReason, 'end_turn');
		assert.ok((await streamText(clientOf(place), NOVA)).text.length > 0);
		await send(place, new sdk.InvokeModelCommand({ modelId: CLAUDE, body: claudeBody }));
		const wrongSecret = { ...place, credentials: { ...CREDENTIALS, secretAccessKey: 'another' } };
		const error = await thrown(() => send(wrongSecret, new sdk.ConverseCommand({ modelId: NOVA, messages })));
		assert.equal(error.name, 'InvalidSignatureException', error);
	},
	async 'a name that no model serves'(place) {
		const error = await thrown(() => send(place, new sdk.ConverseCommand({ modelId: 'unheard-of', messages })));
		assert.ok(error instanceof sdk.ResourceNotFoundException, error);
		assert.match(error.message, /chat/);
	},
};

// Faults of the only model with their statuses. The SDK must raise the class of that name, also at a stream's start.
const errors = {
	ThrottlingException: 429, ValidationException: 400, AccessDeniedException: 403, ResourceNotFoundException: 404,
	ServiceUnavailableException: 503, InternalServerException: 500, ModelTimeoutException: 408,
	ModelErrorException: 424, ModelNotReadyException: 429,
};

for (const [name, status] of Object.entries(errors)) {
	tests[`${name} raised as the SDK's own`] = { fault: name, async run(place) {
		for (const Command of [sdk.ConverseCommand, sdk.ConverseStreamCommand]) {
			const error = await thrown(() => send(place, new Command({ modelId: ARN, messages })));
			assert.equal(error.name, name);
			// The SDK raises its base exception for names that it has no class for.
			assert.ok(error instanceof (sdk[name] ?? sdk.BedrockRuntimeServiceException), error);
			assert.equal(error.$metadata.httpStatusCode, status);
			assert.ok(error.message.length > 0);
		}
	} };
}

// Faults of a stream after its first content, and the exception that reading then raises.
const breaks = {
	'an exception': [{ exception: 'ThrottlingException', after: 4 }, 'ThrottlingException'],
	'a model stream error': [{ exception: 'ModelStreamErrorException', after: 4 }, 'ModelStreamErrorException'],
	'an end without messageStop': ['silent_end', 'ModelStreamErrorException'],
	'a truncated frame': ['truncate', 'ModelStreamErrorException'],
	'a corrupt frame': ['corrupt', 'ModelStreamErrorException'],
};

for (const [name, [fault, raised]] of Object.entries(breaks)) {
	tests[`${name} in a stream raised as ${raised}`] = { fault, async run(place) {
		const response = await clientOf(place).send(new sdk.ConverseStreamCommand({ modelId: ARN, messages }));
		const error = await thrown(() => textOf(response.stream));
		assert.equal(error.name, raised, error);
		assert.ok(error instanceof sdk[raised], error);
	} };
}

suite('aws', [
	{ title: 'HTTP/1.1', handler: NodeHttpHandler },
	{ title: 'default handler in clear' },
	{ title: 'default handler over TLS', tls: true },
	{ title: 'HTTP/1.1 over TLS', handler: NodeHttpHandler, tls: true },
], tests);
