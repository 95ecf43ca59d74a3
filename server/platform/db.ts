import type { Pool } from "pg";
import { connect, type Database } from "../../db/client";
import { config } from "./config";
import { singleton } from "./singleton";

export type { Database, Db, Transaction } from "../../db/client";

const connection = () => singleton("db", () => connect(config().databaseUrl));
export const database = (): Database => connection().db;
export const pool = (): Pool => connection().pool;

/** `%` and `_` stand for themselves in what a person types. */
const literally = (text: string): string => text.replace(/[\\%_]/g, "\\$&");
/** A pattern for `like` and `ilike` that finds a text anywhere, whatever characters it holds. */
export const containing = (text: string): string => `%${literally(text)}%`;
/** One that finds it at the start. */
export const startingWith = (text: string): string => `${literally(text)}%`;
