// The interaction suite with the official TypeScript SDK: prints what it has seen, as one line of JSON.
// Arguments: the folder of the packages, the endpoint, the text to echo, the length of the big result,
// the tool that asks.
import { pathToFileURL } from "node:url";

const [folder, url, unicode, characters, asking] = process.argv.slice(2);
const sdk = (path) => import(pathToFileURL(`${folder}/node_modules/@modelcontextprotocol/sdk/dist/esm/${path}`));
const { Client } = await sdk("client/index.js");
const { StreamableHTTPClientTransport } = await sdk("client/streamableHttp.js");
const { ElicitRequestSchema, ToolListChangedNotificationSchema } = await sdk("types.js");

const client = new Client({ name: "interaction", version: "1" }, { capabilities: { elicitation: {} } });
const changed = new Promise((resolve) =>
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => resolve(true)),
);
client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { name: "ñ", username: "ñ", email: "e" } }));
await client.connect(new StreamableHTTPClientTransport(new URL(url)));

const names = [];
let cursor;
do {
  const page = await client.listTools({ cursor });
  names.push(...page.tools.map((tool) => tool.name));
  cursor = page.nextCursor;
} while (cursor);

const call = (name, args = {}, options = undefined) => client.callTool({ name, arguments: args }, undefined, options);
const text = (result) => result.content[0].text;
const refused = await call("fault").catch((error) => error.message);
const progress = [];
await call("test_tool_with_progress", {}, { onprogress: (note) => progress.push(note.progress) });
const numbers = [...Array(20).keys()];
const concurrent = await Promise.all(numbers.map((number) => call("echo", { number })));
const error = await call("test_error_handling");
const abort = new AbortController();
const hanging = call("hang", {}, { signal: abort.signal }).catch(() => true);
setTimeout(() => abort.abort(), 500);
const seen = {
  tools: ["echo", "json_schema_2020_12_tool", "fault"].every((name) => names.includes(name)) && names.length > 30,
  echo: JSON.parse(text(await call("echo", { text: unicode }))).text,
  "tool error": error.isError ? text(error) : null,
  fault: refused.includes("the upstream says no") ? "the upstream says no" : refused,
  big: [...text(await call("big", { characters: Number(characters) }))].length,
  concurrent: concurrent.map((result) => JSON.parse(text(result)).number),
  cancelled: await hanging,
  progress,
  asked: text(await call(asking, { message: "who?" })).includes("ñ"),
};
await call("test_trigger_tool_change");
seen["list changed"] = await Promise.race([changed, new Promise((resolve) => setTimeout(() => resolve(false), 8000))]);
await client.close();
console.log(JSON.stringify(seen));
process.exit(0);
