// SPDX-License-Identifier: Apache-2.0
// Anthropic's SDK for Bedrock, unmodified: InvokeModel and its stream, by fetch.
'use strict';
const assert = require('node:assert/strict');
const Anthropic = require('@anthropic-ai/sdk');
const { AnthropicBedrock } = require('@anthropic-ai/bedrock-sdk');
const { suite, thrown, atOnce, CLAUDE } = require('./suite.js');

const ask = { model: CLAUDE, max_tokens: 64, messages: [{ role: 'user', content: 'What is an interlocking?' }] };

function clientOf(place) {
	return new AnthropicBedrock({ baseURL: place.url, awsRegion: 'us-east-1', awsAccessKey: 'CLIENT',
		awsSecretKey: 'client', maxRetries: 0 });
}

async function typesOf(stream) {
	const types = [];
	for await (const event of stream) types.push(event.type);
	return types;
}

const tests = {
	async 'messages.create'(place) {
		const message = await clientOf(place).messages.create(ask);
		assert.equal(message.type, 'message');
		assert.ok(message.content[0].text.length > 0);
		assert.ok(message.usage.output_tokens > 0);
	},
	async 'messages.create as a stream'(place) {
		const types = await typesOf(await clientOf(place).messages.create({ ...ask, stream: true }));
		assert.equal(types[0], 'message_start');
		assert.equal(types.at(-1), 'message_stop');
	},
	async 'messages.stream'(place) {
		const message = await clientOf(place).messages.stream(ask).finalMessage();
		assert.ok(message.content[0].text.length > 0);
		assert.equal(typeof message.stop_reason, 'string');
	},
	async 'beta.messages.create'(place) {
		const message = await clientOf(place).beta.messages.create(ask);
		assert.ok(message.content[0].text.length > 0);
	},
	async '200 streams at once'(place) {
		const client = clientOf(place);
		const all = await atOnce(() => client.messages.stream(ask).finalMessage());
		for (const message of all) assert.ok(message.content[0].text.length > 0);
	},
};

const errors = {
	ThrottlingException: ['RateLimitError', 429], ValidationException: ['BadRequestError', 400],
	AccessDeniedException: ['PermissionDeniedError', 403], ResourceNotFoundException: ['NotFoundError', 404],
	ServiceUnavailableException: ['InternalServerError', 503], InternalServerException: ['InternalServerError', 500],
	ModelErrorException: ['APIError', 424],
};

for (const [fault, [name, status]] of Object.entries(errors)) {
	tests[`${fault} raised as ${name}`] = { fault, async run(place) {
		for (const stream of [false, true]) {
			const error = await thrown(() => clientOf(place).messages.create({ ...ask, stream }));
			assert.ok(error instanceof Anthropic[name], error);
			assert.equal(error.status, status);
		}
	} };
}

const breaks = {
	throttlingException: { exception: 'ThrottlingException', after: 4 },
	internalServerException: { exception: 'InternalServerException', after: 4 },
	modelStreamErrorException: 'truncate',
};

for (const [type, fault] of Object.entries(breaks)) {
	tests[`${type} in a stream raised as APIError`] = { fault, async run(place) {
		const stream = await clientOf(place).messages.create({ ...ask, stream: true });
		const error = await thrown(() => typesOf(stream));
		assert.ok(error instanceof Anthropic.APIError, error);
		assert.match(error.message, new RegExp(type));
	} };
}

suite('anthropic', [{ title: 'in clear' }, { title: 'over TLS', tls: true }], tests);
