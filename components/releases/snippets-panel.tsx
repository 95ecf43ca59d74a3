"use client";
import Link from "next/link";
import { useState } from "react";
import { Code, CopyButton } from "@/components/ui/digest";
import { Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import type { V2Tensor } from "@/server/releases/v2-contract";
import { LANGUAGES, type Language, snippet } from "./snippets";
import type { ModelPage } from "./words";

type Asked = Pick<ModelPage, "gatewayUrl"> & {
  /** Under which the gateway is asked. */
  name: string;
  inputs: readonly V2Tensor[];
  /** The name of a dataset whose samples this model takes. */
  dataset: string | undefined;
};

/** How a program asks this model, with the address and the inputs as they are. */
export function SnippetsPanel({ team, name, gatewayUrl, inputs, dataset }: Asked & { team: string }) {
  const [language, setLanguage] = useState<Language>("curl");
  if (inputs.length === 0) return null;
  const text = snippet(language, { gatewayUrl, model: name, inputs });
  return (
    <Panel
      title="Ask it"
      subtitle={language === "triton" ? "Open Inference V2, binary data" : "Open Inference V2, JSON"}
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
          {dataset && (
            <>
              {" "}
              Send numbers that went through what{" "}
              <Link className="link underline" href={`/${team}/datasets/${dataset}`}>
                {dataset}
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
