import { connect } from 'node:net';
import {
  type ApiName,
  apis,
  decodeResponse,
  encodeRequest,
  type RequestInput,
  type ResponseOutput,
} from '@edgelog/wire';

const TIMEOUT_MS = 30_000;

/** One request on a connection of its own: for requests that no client library would send. */
export async function askKafka<N extends ApiName>(
  port: number,
  name: N,
  version: number,
  body: RequestInput<N>,
): Promise<ResponseOutput<N>> {
  const api = apis[name];
  const frame = await new Promise<Buffer>((done, fail) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.setTimeout(TIMEOUT_MS, () =>
      socket.destroy(new Error(`no answer to ${name} v${version} in time`)),
    );
    let received: Buffer = Buffer.alloc(0);
    socket.on('connect', () =>
      socket.write(encodeRequest(api, version, { correlationId: 7, clientId: 'raw' }, body)),
    );
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return;
      done(received.subarray(4));
      socket.destroy();
    });
    socket.on('error', fail);
    socket.on('close', () =>
      fail(new Error(`the broker closed the connection of a ${name} v${version} request`)),
    );
  });
  const { correlationId, body: response } = decodeResponse(api, version, frame);
  if (correlationId !== 7)
    throw new Error(`correlation id ${correlationId} in the response, 7 in the request`);
  return response as ResponseOutput<N>;
}
