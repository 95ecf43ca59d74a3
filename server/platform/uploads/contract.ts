/** Uploads: bytes that a person sends in parts, resumable until the last one. */
import { z } from "zod";
import { Id } from "../atoms";

export const UploadPurpose = z.enum(["model", "dataset", "script"]);
export type UploadPurpose = z.infer<typeof UploadPurpose>;

/** The tus metadata of an upload; the server trusts none of it before it is parsed. */
export const UploadMetadata = z.object({
  team: z.string().min(1),
  purpose: UploadPurpose,
  filename: z
    .string()
    .min(1)
    .max(200)
    .refine((name) => !/[/\\\0]/.test(name), "a file name holds no slashes"),
});

/** What a refused upload answers; the same shape as every other route's errors. */
export const UploadError = z.object({
  error: z.object({ code: z.string(), message: z.string(), requestId: z.string().optional() }),
});

export const UploadId = Id;
/** Where the tus server answers. */
export const UPLOADS_PATH = "/api/uploads";
