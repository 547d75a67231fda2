// SPDX-License-Identifier: Apache-2.0
// LangChain's AWS package, unmodified and pointed at the gateway only by AWS_ENDPOINT_URL_BEDROCK_RUNTIME: Converse,
// ConverseStream, and embeddings by InvokeModel, over the AWS SDK's default handler.
'use strict';
const assert = require('node:assert/strict');
const { ChatBedrockConverse, BedrockEmbeddings } = require('@langchain/aws');
const sdk = require('@aws-sdk/client-bedrock-runtime');
const { suite, thrown, atOnce, CLAUDE, EMBEDDING } = require('./suite.js');

process.env.AWS_ACCESS_KEY_ID = 'CLIENT';
process.env.AWS_SECRET_ACCESS_KEY = 'client';
process.env.AWS_REGION = 'us-east-1';
process.env.AWS_DEFAULT_REGION = 'us-east-1';
process.env.AWS_MAX_ATTEMPTS = '1';

function chatOf(place) {
	process.env.AWS_ENDPOINT_URL_BEDROCK_RUNTIME = place.url;
	return new ChatBedrockConverse({ model: CLAUDE, maxRetries: 0 });
}

async function streamOf(chat) {
	let text = '', last;
	for await (const chunk of await chat.stream('What is an interlocking?')) {
		text += typeof chunk.content === 'string' ? chunk.content : '';
		last = chunk;
	}
	return { text, last };
}

const tests = {
	async invoke(place) {
		const response = await chatOf(place).invoke('What is an interlocking?');
		assert.ok(response.content.length > 0);
		assert.ok(response.usage_metadata.output_tokens > 0);
		assert.equal(response.response_metadata.stopReason, 'end_turn');
	},
	async stream(place) {
		const { text, last } = await streamOf(chatOf(place));
		assert.ok(text.length > 0);
		assert.ok(last.usage_metadata.output_tokens > 0);
	},
	async 'embedQuery'(place) {
		process.env.AWS_ENDPOINT_URL_BEDROCK_RUNTIME = place.url;
		const embeddings = new BedrockEmbeddings({ model: EMBEDDING, maxRetries: 0 });
		assert.deepEqual(await embeddings.embedQuery('x'), [0.25, -0.5]);
	},
	async '200 streams at once'(place) {
		const chat = chatOf(place);
		for (const { text } of await atOnce(() => streamOf(chat))) assert.ok(text.length > 0);
	},
};

const errors = { ThrottlingException: 429, ValidationException: 400, AccessDeniedException: 403,
	ServiceUnavailableException: 503, ModelErrorException: 424 };

for (const [fault, status] of Object.entries(errors)) {
	tests[`${fault} raised as the SDK's own`] = { fault, async run(place) {
		const chat = chatOf(place);
		for (const action of [() => chat.invoke('Hi'), () => streamOf(chat)]) {
			const error = await thrown(action);
			assert.equal(error.name, fault);
			assert.equal(error.$metadata.httpStatusCode, status);
		}
	} };
}

const breaks = { ThrottlingException: { exception: 'ThrottlingException', after: 4 },
	ModelStreamErrorException: 'silent_end' };

for (const [name, fault] of Object.entries(breaks)) {
	tests[`${name} in a stream raised as the SDK's own`] = { fault, async run(place) {
		const error = await thrown(() => streamOf(chatOf(place)));
		assert.equal(error.name, name);
		assert.ok(error instanceof sdk[name], error);
	} };
}

suite('langchain', [{ title: 'default handler in clear' }, { title: 'default handler over TLS', tls: true }], tests);
