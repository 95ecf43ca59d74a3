/** One picture of 28 × 28 as an Open Inference V2 request; its values do not matter to the time it takes. */
export const requestOf = (): string =>
  JSON.stringify({
    inputs: [
      {
        name: "input",
        shape: [1, 1, 28, 28],
        datatype: "FP32",
        data: Array.from({ length: 784 }, (_, i) => Math.round(1000 * Math.abs(Math.sin(i))) / 1000),
      },
    ],
  });
