/** Every state of the operator's screens, in the order in which the world goes through them. */
import type { Chapter } from "./scene";
import { fresh } from "./scenes/fresh";
import { full } from "./scenes/full";
import { silent } from "./scenes/silent";
import { budgets, troubled } from "./scenes/troubled";
import { working } from "./scenes/working";

export const CHAPTERS: readonly Chapter[] = [fresh, working, troubled, ...budgets, ...silent, full];
