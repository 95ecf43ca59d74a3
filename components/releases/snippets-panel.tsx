"use client";
import Link from "next/link";
import { useState } from "react";
import { Code, CopyButton } from "@/components/ui/digest";
import { Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import type { ModelPage } from "./words";

const LANGUAGES = [
  { value: "curl", label: "curl" },
  { value: "python", label: "Python" },
  { value: "typescript", label: "TypeScript" },
] as const;
type Language = (typeof LANGUAGES)[number]["value"];

interface Target {
  url: string;
  input: string;
  shape: string;
  size: number;
}

const SNIPPETS: Record<Language, (target: Target) => string> = {
  curl: ({
    url,
    input,
    shape,
    size,
  }) => `python3 -c 'import json; print(json.dumps({"inputs": [{"name": "${input}",
  "datatype": "FP32", "shape": ${shape}, "data": [0.0] * ${size}}]}))' |
curl -i ${url} \\
  -H "Authorization: Bearer $LATHE_TOKEN" \\
  -H "Content-Type: application/json" --data @-`,
  python: ({ url, input, shape, size }) => `import os, httpx

answer = httpx.post(
    "${url}",
    headers={"Authorization": f"Bearer {os.environ['LATHE_TOKEN']}"},
    json={"inputs": [{"name": "${input}", "datatype": "FP32", "shape": ${shape}, "data": [0.0] * ${size}}]},
)
answer.raise_for_status()
print(answer.headers["x-lathe-version"], answer.json()["outputs"][0]["data"])`,
  typescript: ({ url, input, shape, size }) => `const answer = await fetch("${url}", {
  method: "POST",
  headers: { authorization: \`Bearer \${process.env.LATHE_TOKEN}\`, "content-type": "application/json" },
  body: JSON.stringify({
    inputs: [{ name: "${input}", datatype: "FP32", shape: ${shape}, data: Array(${size}).fill(0) }],
  }),
});
if (!answer.ok) throw new Error((await answer.json()).error);
console.log(answer.headers.get("x-lathe-version"), (await answer.json()).outputs[0].data);`,
};

/** How a program asks this model, in three languages, with the address and the input as they are. */
export function SnippetsPanel({ team, page }: { team: string; page: ModelPage }) {
  const [language, setLanguage] = useState<Language>("curl");
  if (!page.input) return null;
  const { name, shape } = page.input;
  const text = SNIPPETS[language]({
    url: `${page.gatewayUrl}/v2/models/${page.model.name}/infer`,
    input: name,
    shape: `[${shape.join(", ")}]`,
    size: shape.reduce((a, b) => a * b, 1),
  });
  return (
    <Panel
      title="Ask it"
      subtitle="Open Inference V2, JSON"
      tools={
        <Segmented label="Language" options={[...LANGUAGES]} value={language} onValueChange={setLanguage} />
      }
      padded
    >
      <Code label={`Example in ${language}`}>{text}</Code>
      <div className="row mt-2">
        <span className="t2 s12 grow">
          LATHE_TOKEN is an API token with the scope inference;{" "}
          <Link className="link underline" href={`/${team}/settings`}>
            make one in Settings
          </Link>
          . The answer names its version and digest in x-lathe-version and x-lathe-digest.
          {page.sample && (
            <>
              {" "}
              Send numbers that went through what{" "}
              <Link className="link underline" href={`/${team}/datasets/${page.sample.dataset}`}>
                {page.sample.dataset}
              </Link>{" "}
              feeds to models.
            </>
          )}
        </span>
        <CopyButton text={text} label="the example" />
      </div>
    </Panel>
  );
}
