// SPDX-License-Identifier: Apache-2.0
// Starts emulator and gateway for the specs of SDKs, on ports that the system picks, and stops them by pid.
'use strict';
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'signalbox-sdk-'));
const children = [];

// The environment without AWS settings and proxies.
function environment() {
	const result = { ...process.env };
	for (const name of Object.keys(result)) if (name.startsWith('AWS_') || /proxy$/i.test(name)) delete result[name];
	return result;
}

function write(name, text) {
	const file = path.join(folder, name);
	fs.writeFileSync(file, text);
	return file;
}

// Starts the program; resolves with the first true result of `find(log)`.
function start(words, find, variables) {
	const child = spawn(process.env.SIGNALBOX, words, { env: { ...environment(), ...variables }, stdio: ['ignore', 'ignore', 'pipe'] });
	const entry = { child, log: '' };
	entry.exit = new Promise((resolve) => {
		child.on('exit', (code, signal) => resolve(signal || code));
		child.on('error', () => resolve('no start'));
	});
	children.unshift(entry);
	return new Promise((resolve, reject) => {
		const giveUp = setTimeout(() => reject(new Error(`it does not listen:\n${entry.log}`)), 20000);
		child.on('error', reject);
		child.on('exit', (code) => reject(new Error(`ended with status ${code}:\n${entry.log}`)));
		child.stderr.on('data', (bytes) => {
			entry.log += bytes;
			const found = find(entry.log);
			if (!found) return;
			clearTimeout(giveUp);
			resolve(found);
		});
	});
}

// The port of a listener, from the gateway's log.
function portOf(log, listener) {
	for (const line of log.split('\n').slice(0, -1)) {
		if (!line.startsWith('{')) continue;
		const entry = JSON.parse(line);
		if (entry.message === 'listening' && entry.surface === listener) return Number(entry.address.match(/:(\d+)$/)[1]);
	}
	return undefined;
}

// The emulator's arguments for TLS, with the gateway's certificate.
function tlsWords() {
	const { CERTIFICATE } = process.env;
	return ['--tls-cert', `${CERTIFICATE}/cert.pem`, '--tls-key', `${CERTIFICATE}/key.pem`];
}

// With `credentials` ({ accessKeyId, secretAccessKey }), the emulator refuses requests signed with others.
async function startEmulator(scenario, { credentials, tls } = {}) {
	const words = ['emulate', '--scenario', write('scenario.lua', scenario), '--listen', '127.0.0.1:0'];
	if (credentials) words.push('--access-key', credentials.accessKeyId, '--secret-key-env', 'EMULATOR_SECRET');
	if (tls) words.push(...tlsWords());
	return start(words, (log) => {
		const found = log.match(/127\.0\.0\.1:(\d+)\D/);
		return found && Number(found[1]);
	}, { EMULATOR_SECRET: credentials?.secretAccessKey ?? '' });
}

// With `tls`, it uses the certificate in the folder CERTIFICATE, which clients trust by NODE_EXTRA_CA_CERTS.
async function startGateway(emulatorPort, policy, tls) {
	const { CERTIFICATE } = process.env;
	const secured = tls ? `tls = { cert = "${CERTIFICATE}/cert.pem", key = "${CERTIFICATE}/key.pem" },` : '';
	const settings = `return { listen = "127.0.0.1:0", admin = "127.0.0.1:0", policy = "${write('policy.lua', policy)}",
		endpoint = "http://127.0.0.1:${emulatorPort}", log = { format = "json" }, ${secured}
		timeouts = { header_ms = 60000, connect_ms = 60000 },
		credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "not-a-secret" } }`;
	return start(['serve', '--config', write('settings.lua', settings)], (log) => portOf(log, 'data'));
}

// Changes a model's behaviour in the emulator.
function control(port, model, change) {
	return new Promise((resolve, reject) => {
		const request = http.request({ port, host: '127.0.0.1', method: 'POST',
			path: `/_emulator/models/${encodeURIComponent(model)}` }, (response) => {
			response.resume();
			response.on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(response.statusCode))));
		});
		request.on('error', reject);
		request.end(JSON.stringify(change));
	});
}

// Stops everything; resolves with a list of the programs that ended with another status than 0.
async function stopAll() {
	const problems = [];
	for (const entry of children) {
		entry.child.kill('SIGTERM');
		const status = await entry.exit;
		if (status !== 0) problems.push(`ended with ${status}: ${entry.log.slice(-2000)}`);
	}
	fs.rmSync(folder, { recursive: true });
	return problems;
}

module.exports = { startEmulator, startGateway, control, stopAll };
