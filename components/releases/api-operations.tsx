"use client";
import { cx } from "@/components/ui/cx";
import { Code } from "@/components/ui/digest";
import { Panel } from "@/components/ui/panel";
import { useUrlState } from "@/components/ui/use-url-state";
import type { OpenApiDocument, Operation, Parameter } from "@/server/releases/openapi";
import type { Response } from "@/server/releases/openapi-answers";
import type { Schema } from "@/server/releases/openapi-schemas";
import { schemaRows, shortJson, typeInWords } from "./schema-rows";

const FIRST = "infer";

/** The operations of the document and all of one of them; which one is in the address. */
export function ApiOperations({ document }: { document: OpenApiDocument }) {
  const [named, choose] = useUrlState("op");
  const operations = Object.entries(document.paths).flatMap(([path, { get, post }]) => [
    ...(post ? [{ method: "POST", path, operation: post }] : []),
    ...(get ? [{ method: "GET", path, operation: get }] : []),
  ]);
  const chosen =
    operations.find(({ operation }) => operation.operationId === named) ??
    operations.find(({ operation }) => operation.operationId === FIRST);
  return (
    <div className="col">
      <Panel title="Operations" subtitle={document.servers[0]?.url}>
        <ul className="api-operations">
          {operations.map(({ method, path, operation: { operationId: id, summary } }) => (
            <li key={id}>
              <button
                type="button"
                className="api-operation"
                aria-pressed={id === chosen?.operation.operationId}
                onClick={() => choose(id === FIRST ? "" : id)}
              >
                <span className="api-method">{method}</span>
                <span className="mono api-path">{path}</span>
                <span className="t2 s12 api-summary">{summary}</span>
              </button>
            </li>
          ))}
        </ul>
      </Panel>
      {chosen && (
        <Panel title={chosen.operation.summary} subtitle={`${chosen.method} ${chosen.path}`}>
          <OperationView document={document} operation={chosen.operation} />
        </Panel>
      )}
    </div>
  );
}

function OperationView({ document, operation }: { document: OpenApiDocument; operation: Operation }) {
  const { description, parameters, requestBody, responses } = operation;
  return (
    <div className="body col">
      {description && <p className="t2">{description}</p>}
      <Parameters parameters={parameters} />
      {Object.entries(requestBody?.content ?? {}).map(([type, media]) => (
        <Media key={type} title={`Request, ${type}`} document={document} {...media} />
      ))}
      {Object.entries(responses).map(([status, response]) => (
        <Answer key={status} status={status} document={document} response={response} />
      ))}
    </div>
  );
}

function Parameters({ parameters }: { parameters: readonly Parameter[] }) {
  return (
    <section className="api-part">
      <h3>Parameters</h3>
      <table className="tight api-table" aria-label="Parameters">
        <tbody>
          {parameters.map(({ name, in: where, required, description, schema }) => (
            <tr key={name}>
              <th scope="row" className="mono">
                {name}
                {required && <Required />}
              </th>
              <td className="t2 wrap">
                {where}, {typeInWords({}, schema)}. {description}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const Required = () => (
  <abbr className="api-required" title="required">
    *
  </abbr>
);

interface MediaProps {
  title: string;
  document: OpenApiDocument;
  schema: Schema;
  example?: unknown;
}

function Media({ title, document, schema, example }: MediaProps) {
  const rows = schemaRows(document.components.schemas, schema);
  return (
    <section className="api-part">
      <h3>{title}</h3>
      {schema.description && <p className="t2">{schema.description}</p>}
      {rows.length > 0 && (
        <table className="tight api-table" aria-label={`Schema of ${title}`}>
          <tbody>
            {rows.map((row) => (
              <tr key={row.key}>
                <th scope="row" className="mono" style={{ paddingInlineStart: 10 + row.depth * 16 }}>
                  {row.name}
                  {row.isRequired && <Required />}
                </th>
                <td className="wrap">
                  <span className="mono">{row.type}</span>{" "}
                  {row.description && <span className="t2 s12">{row.description}</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {example !== undefined && <Code label={`Example of ${title}`}>{shortJson(example)}</Code>}
    </section>
  );
}

interface AnswerProps {
  status: string;
  document: OpenApiDocument;
  response: Operation["responses"][string];
}

function Answer({ status, document, response }: AnswerProps) {
  const found: Response | undefined = "$ref" in response ? document.components.responses[status] : response;
  if (!found) return null;
  const headers = Object.keys(found.headers ?? {});
  const isRefusal = status >= "400";
  return (
    <section className={cx("api-part", isRefusal && "api-refusal")}>
      <h3>
        {status} <span className="t2">{found.description}</span>
      </h3>
      {headers.length > 0 && <p className="t2 s12">Headers: {headers.join(", ")}</p>}
      {Object.entries(found.content).map(([type, media]) =>
        isRefusal ? (
          <Code key={type} label={`Example of ${status}`}>
            {JSON.stringify(media.example)}
          </Code>
        ) : (
          <Media key={type} title={`Answer, ${type}`} document={document} {...media} />
        ),
      )}
    </section>
  );
}
