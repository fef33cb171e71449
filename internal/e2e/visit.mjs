// Asks for a vault secret with the official TypeScript client, whose user is led
// to a page. Usage: node visit.mjs '{"command":[…],"arguments":{…}}'; prints a
// line of JSON for the page, and one for the answer, and ends with its input.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ElicitationCompleteNotificationSchema, ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const { command, arguments: args } = JSON.parse(process.argv[2]);
const print = (line) => console.log(JSON.stringify(line));

const client = new Client(
  { name: "typescript-sdk", version: "1" },
  { capabilities: { elicitation: { form: {}, url: {} } } },
);
client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
  print({ mode: params.mode, page: params.url, id: params.elicitationId });
  return { action: "accept" };
});
const completed = new Promise((resolve) => {
  client.setNotificationHandler(ElicitationCompleteNotificationSchema, ({ params }) => resolve(params.elicitationId));
});

await client.connect(new StdioClientTransport({ command: command[0], args: command.slice(1) }));
const call = (more) => client.callTool({ name: "get_vault_secret", arguments: { ...args, ...more } });
let answer = await call({});
while (answer.structuredContent?.status === "pending") {
  answer = await call({ request_id: answer.structuredContent.request_id });
}
print({ answer, id: await completed });
for await (const _ of process.stdin);
await client.close();
