"use client";

import { useState } from "react";
import { Button, type ButtonVariant, IconButton, LinkButton, TextAction } from "@/components/ui/button";
import { Field, Input, Textarea } from "@/components/ui/field";
import { Menu } from "@/components/ui/menu";
import { SearchSelect } from "@/components/ui/search-select";
import { Segmented } from "@/components/ui/segmented";
import { type Option, Select } from "@/components/ui/select";
import { Range, Slider } from "@/components/ui/slider";
import { Checkbox, Switch } from "@/components/ui/toggle";
import { Tooltip } from "@/components/ui/tooltip";
import { Section } from "./section";

const VARIANTS: readonly (readonly [ButtonVariant, string])[] = [
  ["primary", "Commit"],
  ["plain", "Pause"],
  ["danger", "Stop…"],
  ["danger-fill", "Roll back"],
  ["ghost", "Reset"],
];

const MODELS: readonly Option<string>[] = [
  { value: "a", label: "garments v4", hint: "image classification" },
  { value: "b", label: "parcels v2", hint: "regression" },
];

export function ControlSections() {
  return (
    <>
      <Section span={5} title="Buttons">
        <Buttons />
      </Section>
      <Section span={7} title="Fields and choices" padded>
        <Fields />
      </Section>
      <Section span={4} title="Slider with marks" padded>
        <Sliders />
      </Section>
    </>
  );
}

function Buttons() {
  return (
    <>
      <div className="body grid grid-cols-[76px_repeat(4,auto)] items-center justify-start gap-x-3 gap-y-2.5">
        {VARIANTS.map(([variant, word]) => [
          <span key={variant} className="t3 s12">
            {variant}
          </span>,
          <Button key={`${variant} md`} variant={variant}>
            {word}
          </Button>,
          <Button key={`${variant} sm`} variant={variant} size="sm">
            {word}
          </Button>,
          <Button key={`${variant} busy`} variant={variant} busy={`${word.replace("…", "")}…`}>
            {word}
          </Button>,
          <Button key={`${variant} off`} variant={variant} reason="Nothing changed yet." reasonAt="hidden">
            {word}
          </Button>,
        ])}
      </div>
      <div className="body grid gap-2 border-t border-line">
        <Button
          size="lg"
          reason="Gate 6 is not measured: shadow traffic has 28,912 of 30,000 requests, about 40 s."
        >
          Approve…
        </Button>
        <div className="row">
          <LinkButton href="#link">Open the studio</LinkButton>
          <TextAction>Audit</TextAction>
          <Tooltip text="Locked layers keep their ratio">
            <IconButton icon="locked" label="Lock conv1" />
          </Tooltip>
          <Menu
            label="More about v5"
            groups={[
              {
                items: [
                  { label: "Copy link", onPress: () => {}, keys: "c" },
                  { label: "Download ONNX", onPress: () => {}, reason: "still inspecting" },
                ],
              },
              { items: [{ label: "Delete v5…", onPress: () => {}, danger: true }] },
            ]}
          />
        </div>
      </div>
    </>
  );
}

function Fields() {
  const [precision, setPrecision] = useState("int8");
  const [pool, setPool] = useState<string | null>("base");
  const [model, setModel] = useState<Option<string> | null>(null);
  const [words, setWords] = useState("");
  const [keep, setKeep] = useState(true);
  const [recover, setRecover] = useState(true);
  return (
    <div className="grid grid-cols-3 gap-x-4 gap-y-3">
      <Field label="Name">
        <Input defaultValue="garment-cls-40" />
      </Field>
      <Field label="Name, disabled">
        <Input defaultValue="v9" disabled />
      </Field>
      <Field label="Search">
        <Input placeholder="Name, task or digest" unit={<kbd>/</kbd>} />
      </Field>
      <Field label="Budget cap" hint="about $1.10 expected">
        <Input defaultValue="2.00" unit="$" inputMode="decimal" />
      </Field>
      <Field label="Workers, at most" error="cpu-spot holds 8. Choose 1 to 8.">
        <Input defaultValue="12" inputMode="numeric" />
      </Field>
      <Field label="Pool" aside="3 nodes">
        <Select
          value={pool}
          onValueChange={setPool}
          options={[
            { value: "base", label: "cpu-base", hint: "3 of 4" },
            { value: "spot", label: "cpu-spot", hint: "4 of 8" },
            { value: "l4", label: "gpu-l4", reason: "at its limit" },
          ]}
        />
      </Field>
      <Field label="For the model">
        <SearchSelect
          value={model}
          onValueChange={setModel}
          onSearch={setWords}
          options={MODELS.filter((found) => found.label.includes(words))}
          placeholder="Find a model by name or task"
          empty="No model is named so."
        />
      </Field>
      <Field label="Precision" hint="int4 needs MatMul layers">
        <Segmented
          wide
          value={precision}
          onValueChange={setPrecision}
          options={[
            { value: "fp32", label: "fp32" },
            { value: "fp16", label: "fp16" },
            { value: "int8", label: "int8" },
            { value: "int4", label: "int4", reason: "int4 needs MatMul layers" },
          ]}
        />
      </Field>
      <div className="field">
        <span className="lab">Options</span>
        <Checkbox label="Keep checkpoints" checked={keep} onCheckedChange={setKeep} />
        <Checkbox label="All rows" checked={false} indeterminate onCheckedChange={() => {}} />
        <Checkbox label="Notify me" checked={!keep} onCheckedChange={() => setKeep(!keep)} />
      </div>
      <div className="field">
        <span className="lab">Switch</span>
        <Switch label="Recover on commit" checked={recover} onCheckedChange={setRecover} />
        <Switch
          label="Canary promotes itself"
          checked={!recover}
          onCheckedChange={() => setRecover(!recover)}
        />
      </div>
      <Field label="Note" className="col-span-3">
        <Textarea rows={2} placeholder="Why this version is better" />
      </Field>
    </div>
  );
}

const percentOf = (value: number) => `${Math.round(value * 100)}%`;

function Sliders() {
  const [sparsity, setSparsity] = useState(0.4);
  const [channels, setChannels] = useState(0.25);
  const [rates, setRates] = useState<readonly [number, number]>([2, 7.4]);
  return (
    <div className="grid gap-3.5">
      <Slider
        label="Sparsity"
        aside={<b className="m">{percentOf(sparsity)}</b>}
        value={sparsity}
        min={0}
        max={0.9}
        step={0.01}
        measured={[0.1, 0.2, 0.6]}
        target={0.41}
        marks={[0, 0.3, 0.6, 0.9].map((value) => ({
          value,
          label: value === 0.9 ? "90%" : String(value * 100),
        }))}
        format={percentOf}
        onValueChange={setSparsity}
        hint="Dots are measured settings, the line is the target."
      />
      <Slider
        label="Channels, rounded to 16"
        value={channels}
        min={0}
        max={1}
        steps={[0, 0.25, 0.5, 0.75]}
        marks={[64, 48, 32, 16].map((count, index) => ({
          value: index * 0.25,
          label: index === 0 ? "64 ch" : String(count),
        }))}
        format={(value) => `${64 - value * 64} channels`}
        onValueChange={setChannels}
      />
      <Slider
        label="Channels"
        value={0}
        min={0}
        max={1}
        reason="Tier 3: channels cannot be pruned in this graph."
        format={percentOf}
        onValueChange={() => {}}
      />
      <Range
        label="Learning rate, 1e−4"
        value={rates}
        min={0}
        max={10}
        step={0.1}
        strokes={[2.8, 3.9, 5.2, 6.3]}
        format={(value) => `${value.toFixed(1)}e−4`}
        onValueChange={setRates}
      />
    </div>
  );
}
