// Bodies as Node reads them: a question per line in, an answer per line out, both JSON.
import readline from "node:readline";

const fatal = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function readJson(body, names) {
  const tree = JSON.parse(fatal.decode(body));
  if (tree === null || typeof tree !== "object" || Array.isArray(tree)) {
    throw new Error("not an object");
  }
  const present = names.filter((name) => Object.hasOwn(tree, name));
  return { keys: Object.keys(tree), values: present.map((name) => [name, tree[name]]) };
}

async function readForm(body, contentType) {
  const response = new Response(body, { headers: { "content-type": contentType } });
  const form = await response.formData();
  return { fields: [...form].filter(([, value]) => typeof value === "string") };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { content_type: contentType, names, body: encoded } = JSON.parse(line);
  const body = Buffer.from(encoded, "base64");
  let answer;
  try {
    answer = names ? readJson(body, names) : await readForm(body, contentType);
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
