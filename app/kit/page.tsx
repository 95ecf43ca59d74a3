import { notFound } from "next/navigation";
import { Kit } from "./kit";

export const metadata = { title: "Kit" };
export const dynamic = "force-dynamic";

/** Every component in its states; for developers only. */
export default function KitPage() {
  if (process.env.NODE_ENV === "production" && process.env.LATHE_KIT !== "1") notFound();
  return <Kit now={Date.now()} />;
}
