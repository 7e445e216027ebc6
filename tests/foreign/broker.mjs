// A program like those of the existing system, on the AMQP library that they use: it declares what they declare, as they declare it.
//
//   node broker.mjs listen URL     prints {"exchange", "key", "body", "properties"} for each message, until it is ended
//   node broker.mjs publish URL    publishes the lines of standard input, each {"exchange", "key", "body"}, then ends
//   node broker.mjs consume URL QUEUE    takes the messages of a queue, prints and acknowledges them, until standard input ends
import { createInterface } from "node:readline";
import amqp from "amqplib";

const [, , task, url, wanted] = process.argv;

// Exchange, its kind, routing key, queue.
const bindings = [
  ["jobber-buyer-update", "direct", "user-buyer", "user-buyer-queue"],
  ["jobber-seller-update", "direct", "user-seller", "user-seller-queue"],
  ["jobber-review", "fanout", "", "order-review-queue"],
  ["jobber-review", "fanout", "", "seller-review-queue"],
  ["jobber-update-gig", "direct", "update-gig", "gig-update-queue"],
  ["jobber-gig", "direct", "get-sellers", "user-gig-queue"],
  ["jobber-seed-gig", "direct", "receive-sellers", "seed-gig-queue"],
  ["jobber-email-notification", "direct", "auth-email", "auth-email-queue"],
  ["jobber-order-notification", "direct", "order-email", "order-email-queue"],
];

const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

function tell(message) {
  const { exchange, routingKey } = message.fields;
  // What is absent is left out, as a reader of the existing system finds it.
  const properties = Object.fromEntries(Object.entries(message.properties).filter(([, value]) => value !== undefined));
  print({ exchange, key: routingKey, body: JSON.parse(message.content.toString()), properties });
}

const connection = await amqp.connect(url);
const channel = await connection.createChannel();
for (const [exchange, kind, key, queue] of bindings) {
  await channel.assertExchange(exchange, kind);
  await channel.assertQueue(queue, { durable: true, autoDelete: false });
  await channel.bindQueue(queue, exchange, key);
}

switch (task) {
  case "listen": {
    const { queue } = await channel.assertQueue("", { exclusive: true });
    for (const [exchange, , key] of bindings) await channel.bindQueue(queue, exchange, key);
    await channel.consume(queue, tell, { noAck: true });
    print({ ready: true });
    break;
  }
  case "consume":
    await channel.consume(wanted, (message) => {
      tell(message);
      channel.ack(message);
    });
    print({ ready: true });
    for await (const _ of createInterface({ input: process.stdin })) continue;
    await channel.close();
    await connection.close();
    break;
  case "publish":
    for await (const line of createInterface({ input: process.stdin })) {
      const { exchange, key, body } = JSON.parse(line);
      const [, kind] = bindings.find(([name]) => name === exchange);
      await channel.assertExchange(exchange, kind);
      channel.publish(exchange, key, Buffer.from(JSON.stringify(body)));
    }
    await channel.close();
    await connection.close();
    break;
  default:
    throw new Error(`${task} is none of listen, consume, publish`);
}
