// SPDX-License-Identifier: Apache-2.0
// A port on loopback that is as far from PORT as if packets took MS there and back: distance.js PORT MS. Bytes take half
// of it each way, and a connection's first ones what its opening would have taken too. Nothing is decrypted.
'use strict';
const net = require('node:net');

const [target, roundTrip] = process.argv.slice(2).map(Number);

// Passes on what comes, each piece so late that the order stays.
function carry(from, to, extra) {
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
	carry(client, model, roundTrip);
	carry(model, client, 0);
});
server.listen(0, '127.0.0.1', () => console.error(`at https://127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
