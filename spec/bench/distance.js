// SPDX-License-Identifier: Apache-2.0
// distance.js PORT MS: a port on loopback that forwards to PORT with a round trip of MS. Bytes take half of it each
// way; a connection's first bytes also take the round trip of its handshake. Nothing is decrypted.
'use strict';
const net = require('node:net');

const [target, roundTrip] = process.argv.slice(2).map(Number);

// Forwards each piece after its delay, in order.
function forward(from, to, extra) {
	let late = extra;
	from.on('data', (bytes) => {
		setTimeout(() => to.write(bytes), roundTrip / 2 + late);
		late = Math.max(0, late - roundTrip);
	});
	from.on('end', () => setTimeout(() => to.end(), roundTrip / 2 + late));
	from.on('error', () => to.destroy());
}

const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
	const model = net.connect({ port: target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
	forward(client, model, roundTrip);
	forward(model, client, 0);
});
server.listen(0, '127.0.0.1', () => console.error(`at https://127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
