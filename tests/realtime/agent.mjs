// Opens sockets with the client the browsers use and tells what happens to them.
// Commands come in, one JSON object a line; what happens goes out, one JSON object a line.
//
//   {"op":"open","id":"a","url":"http://…","transports":["websocket"],"cookie":"…","origin":"…","insistent":true}
//   {"op":"emit","id":"a","args":["getLoggedInUsers",""]}
//   {"op":"close","id":"a"}
//   {"op":"settle","id":"b"}
//
//   {"id":"a","what":"connect","sid":"…","recovered":false}
//   {"id":"a","what":"upgrade"}
//   {"id":"a","what":"event","args":["online",["Anna"]]}
//   {"id":"a","what":"disconnect","reason":"transport close"}
//   {"id":"a","what":"error","status":403}
//   {"id":"a","what":"ping"}
//   {"id":"b","what":"settled"}
import { createInterface } from 'node:readline';
import { io } from 'socket.io-client';

const sockets = new Map();

const tell = (id, what, more = {}) => process.stdout.write(`${JSON.stringify({ id, what, ...more })}\n`);

/** The HTTP status a handshake was refused with, where the transport tells it. */
const statusOf = (error) => {
  if (typeof error.description === 'number') return error.description;
  const found = /response: (\d{3})/.exec(error.description?.message ?? '');
  return found ? Number(found[1]) : null;
};

const open = ({ id, url, transports, cookie, origin, insistent, reconnect = true }) => {
  const extraHeaders = {};
  if (cookie) extraHeaders.cookie = cookie;
  if (origin) extraHeaders.origin = origin;
  const socket = io(url, {
    transports,
    extraHeaders,
    forceNew: true,
    reconnection: reconnect,
    reconnectionDelay: 20,
    reconnectionDelayMax: 100,
    randomizationFactor: 0,
  });
  sockets.set(id, socket);
  socket.on('connect', () =>
    tell(id, 'connect', { sid: socket.id, recovered: Boolean(socket.recovered) }),
  );
  socket.io.on('open', () => socket.io.engine.on('upgrade', () => tell(id, 'upgrade')));
  socket.on('disconnect', (reason) => {
    tell(id, 'disconnect', { reason });
    if (insistent) socket.connect();
  });
  socket.on('connect_error', (error) => {
    tell(id, 'error', { status: statusOf(error) });
    if (insistent) socket.connect();
  });
  socket.onAny((...args) => tell(id, 'event', { args }));
  socket.io.on('ping', () => tell(id, 'ping'));
};

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command = JSON.parse(line);
    if (command.op === 'open') open(command);
    else if (command.op === 'emit') sockets.get(command.id).emit(...command.args);
    // Two turns of the event loop: whatever was ready has been handled by then.
    else if (command.op === 'settle') setImmediate(() => setImmediate(() => tell(command.id, 'settled')));
    else if (command.op === 'close') sockets.get(command.id).disconnect();
    else throw new Error(`unknown command ${command.op}`);
  })
  .on('close', () => process.exit(0));
