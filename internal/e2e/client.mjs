// Tells the story of story_test.go with the official TypeScript client.
// Usage: node client.mjs '{"command":[…],"answer":{…}|null}' ; prints JSON.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const { command, answer } = JSON.parse(process.argv[2]);

const questions = [];
const client = new Client(
  { name: "typescript-sdk", version: "1" },
  { capabilities: answer ? { elicitation: { form: {} } } : {} },
);
if (answer) {
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    questions.push(params.message);
    return answer;
  });
}

const transport = new StdioClientTransport({ command: command[0], args: command.slice(1) });
await client.connect(transport);

// Listing the tools first makes the client check every result, an error's too,
// against the tool's output schema.
const { tools } = await client.listTools();
const call = (name, args = {}) => client.callTool({ name, arguments: args });
const read = async (uri) => (await client.readResource({ uri })).contents.map((c) => c.text).join("");

const story = {
  Tools: tools.map((tool) => tool.name),
  List: await call("list_secrets"),
  Injected: await call("find_secret", { name: "MAILER_PHRASE" }),
  Stored: await call("find_secret", { name: "PAYOUT_PHRASE" }),
  Missing: await call("find_secret", { name: "PAYOUT_PHRASES" }),
  NotVault: await call("get_vault_secret", { name: "MAILER_PHRASE", purpose: "greet the people" }),
  Read: await call("get_vault_secret", { name: "PAYOUT_PHRASE", purpose: "pay the people" }),
  Resources: (await read("scrim://scope")) + (await read("scrim://secrets/vault")),
  Questions: questions,
};
await client.close();
console.log(JSON.stringify(story));
