// The existing gateway and an existing service, as far as they meet ours: their tokens, made and checked with the library that they use.
//
//   node services.mjs call     reads {"url", "method", "service", "body", "user"} as lines, asks as the existing gateway does, and
//                              prints {"status", "body"} for each
//   node services.mjs serve    is a review service of the existing system: prints {"port"}, then a line for each request
//
// JWT_TOKEN and GATEWAY_JWT_TOKEN are the secrets, as in its deployments.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import jwt from "jsonwebtoken";

const { JWT_TOKEN, GATEWAY_JWT_TOKEN } = process.env;
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

async function call() {
  for await (const line of createInterface({ input: process.stdin })) {
    const { url, method, service, body, user } = JSON.parse(line);
    const headers = {
      "Content-Type": "application/json",
      Accept: "application/json",
      gatewayToken: jwt.sign({ id: service }, GATEWAY_JWT_TOKEN),
      ...(user && { Authorization: `Bearer ${jwt.sign(user, JWT_TOKEN)}` }),
    };
    const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
    print({ status: answer.status, body: await answer.json() });
  }
}

// What may be named by the token of a gateway.
const known = ["auth", "seller", "gig", "search", "buyer", "message", "order", "review"];

function serve() {
  const server = createServer((request, response) => {
    const answer = (status, body) => {
      response.writeHead(status, { "Content-Type": "application/json" });
      response.end(JSON.stringify(body));
    };
    try {
      const gateway = jwt.verify(request.headers.gatewaytoken, GATEWAY_JWT_TOKEN);
      if (!known.includes(gateway.id)) throw new Error(`${gateway.id} is no client of a gateway`);
      const user = jwt.verify(request.headers.authorization.split(" ")[1], JWT_TOKEN);
      print({ method: request.method, path: request.url, gateway: gateway.id, user });
    } catch (error) {
      print({ method: request.method, path: request.url, refused: error.message });
      return answer(401, { message: "Invalid request", statusCode: 401, status: "error", comingFrom: "verifyGatewayRequest() method" });
    }
    return answer(200, { message: "Gig reviews by gig id", reviews: [{ review: "From an existing service.", rating: 5 }] });
  });
  server.listen(0, "127.0.0.1", () => print({ port: server.address().port }));
}

switch (process.argv[2]) {
  case "call":
    await call();
    break;
  case "serve":
    serve();
    break;
  default:
    throw new Error(`${process.argv[2]} is neither call nor serve`);
}
