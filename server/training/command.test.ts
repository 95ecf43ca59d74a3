import { expect, test } from "vitest";
import { variablesOf, wordsOf } from "./command";

test.each([
  ["train.py --epochs 2  --lr 0.1", ["train.py", "--epochs", "2", "--lr", "0.1"]],
  [`train.py --name "two words" --note 'it''s' ""`, ["train.py", "--name", "two words", "--note", "its", ""]],
  ["a\\ b c", ["a b", "c"]],
  ["   ", []],
  ["train.py 'x", null],
])("the words of %s", (line, words) => {
  expect(wordsOf(line)).toEqual(words);
});

test("variables, or the line that is none", () => {
  expect(variablesOf("A=1\n\n B_2=x=y \n")).toEqual({ variables: { A: "1", B_2: "x=y " } });
  expect(variablesOf("A=1\nno variable")).toEqual({ wrongLine: 2 });
});
