// SPDX-License-Identifier: Apache-2.0
// Vercel's AI SDK with its two Bedrock providers, unmodified, by fetch: Converse and its stream; InvokeModel with
// Anthropic's bodies, its stream, and embeddings.
'use strict';
const assert = require('node:assert/strict');
const { createAmazonBedrock } = require('@ai-sdk/amazon-bedrock');
const { createBedrockAnthropic } = require('@ai-sdk/amazon-bedrock/anthropic');
const { generateText, streamText, embed, APICallError } = require('ai');
const { suite, thrown, atOnce, CLAUDE, EMBEDDING } = require('./suite.js');

const prompt = 'What is an interlocking?';

function optionsOf(place) {
	return { baseURL: place.url, region: 'us-east-1', accessKeyId: 'CLIENT', secretAccessKey: 'client' };
}

const providers = {
	Converse: (place) => createAmazonBedrock(optionsOf(place))(CLAUDE),
	InvokeModel: (place) => createBedrockAnthropic(optionsOf(place))(CLAUDE),
};

// The parts of a stream, read to its end, and the errors among them.
async function partsOf(model) {
	const result = streamText({ model, prompt, maxRetries: 0, onError() {} });
	let text = '';
	const errors = [];
	for await (const part of result.fullStream) {
		if (part.type === 'text-delta') text += part.text;
		if (part.type === 'error') errors.push(part.error);
	}
	return { text, errors, reason: errors.length ? 'error' : await result.finishReason };
}

const tests = {
	async embed(place) {
		const model = createAmazonBedrock(optionsOf(place)).embedding(EMBEDDING);
		const response = await embed({ model, value: 'x', maxRetries: 0 });
		assert.deepEqual(response.embedding, [0.25, -0.5]);
	},
};

const errors = { ThrottlingException: 429, ValidationException: 400, AccessDeniedException: 403,
	ServiceUnavailableException: 503 };

const breaks = {
	'an exception': { exception: 'ThrottlingException', after: 4 }, 'a truncated frame': 'truncate',
	'a corrupt frame': 'corrupt',
};

for (const [name, modelOf] of Object.entries(providers)) {
	tests[`generateText by ${name}`] = async (place) => {
		const response = await generateText({ model: modelOf(place), prompt, maxRetries: 0 });
		assert.ok(response.text.length > 0);
		assert.ok(response.usage.outputTokens > 0);
		assert.equal(response.finishReason, 'stop');
	};
	tests[`streamText by ${name}`] = async (place) => {
		const { text, errors: raised, reason } = await partsOf(modelOf(place));
		assert.deepEqual(raised, []);
		assert.ok(text.length > 0);
		assert.equal(reason, 'stop');
	};
	tests[`200 streams at once by ${name}`] = async (place) => {
		const model = modelOf(place);
		for (const { text, errors: raised } of await atOnce(() => partsOf(model))) {
			assert.deepEqual(raised, []);
			assert.ok(text.length > 0);
		}
	};
	for (const [fault, status] of Object.entries(errors)) {
		tests[`${fault} by ${name} raised as APICallError`] = { fault, async run(place) {
			const model = modelOf(place);
			const error = await thrown(() => generateText({ model, prompt, maxRetries: 0 }));
			assert.ok(APICallError.isInstance(error), error);
			assert.equal(error.statusCode, status);
			assert.equal(error.isRetryable, status === 429 || status >= 500);
			const { errors: raised } = await partsOf(model);
			assert.ok(APICallError.isInstance(raised[0]), raised[0]);
			assert.equal(raised[0].statusCode, status);
		} };
	}
	for (const [title, fault] of Object.entries(breaks)) {
		tests[`${title} in a stream by ${name} reported as an error`] = { fault, async run(place) {
			const { errors: raised } = await partsOf(modelOf(place));
			assert.equal(raised.length, 1);
		} };
	}
}

tests['a silent end of Converse reported as an error'] = { fault: 'silent_end', async run(place) {
	const { errors: raised } = await partsOf(providers.Converse(place));
	assert.match(raised[0].message, /ended before/);
} };

suite('ai', [{ title: 'in clear' }, { title: 'over TLS', tls: true }], tests);
