/** Values of a preview picture in the order of a model's input. */

/**
 * @param png base64
 * @param shape of the model's input without its batch: channels, height, width, or height and width alone
 * @returns one channel of grey values, or red, green and blue planes, 0 to 255
 */
export async function pixelsOf(png: string, shape: readonly number[]): Promise<number[]> {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  const [height = image.naturalHeight, width = image.naturalWidth] = shape.slice(-2);
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { colorSpace: "srgb", willReadFrequently: true });
  if (!context) throw new Error("This browser can't read pictures.");
  context.imageSmoothingEnabled = false;
  context.drawImage(image, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const plane = (offset: number) =>
    Array.from({ length: width * height }, (_, i) => data[i * 4 + offset] ?? 0);
  const channels = shape.length > 2 ? shape[0] : 1;
  return channels === 3 ? [...plane(0), ...plane(1), ...plane(2)] : plane(0);
}
