// @ts-check
/**
 * Watchdogs end what a killed owner leaves behind. Each is a small `sh` in a session of its own that
 * waits on a pipe from its owner: the kernel closes the pipe however the owner dies, kill -9 included.
 * Plain JavaScript without dependencies: `npm start` uses it before anything is installed.
 */
import { spawn } from "node:child_process";

/** The environment variable that marks every process of one instance. */
export const INSTANCE_VARIABLE = "LATHE_INSTANCE";

/**
 * Kills every process of an instance until none is left: those that carry the marker in the environment
 * they were started with, and the sessions they lead or that lost their leader. The second rule catches
 * programs that write over their own environment (Ray's workers do) and spares the terminal's session of
 * a person who exported the marker by hand. Written in sh with one fork a round, so that it works at once
 * and without Node, and is the same after a clean stop, a kill -9 and at the next start.
 */
const SWEEP = `
stat_of() { # pid: sets state and session
  IFS= read -r line 2>/dev/null <"/proc/$1/stat" || return 1
  set -- \${line##*) }
  state=$1 session=$4
}
victims_of() { # instance: sets victims
  marked=" " sessions=" " victims=""
  for file in $(grep -lzsxF -- "${INSTANCE_VARIABLE}=$1" /proc/[0-9]*/environ); do
    pid=\${file#/proc/}
    marked="$marked\${pid%/environ} "
  done
  for pid in $marked; do
    stat_of "$pid" || continue
    leader=$session
    case "$marked" in *" $leader "*) sessions="$sessions$leader "; continue ;; esac
    stat_of "$leader" && [ "$state" != Z ] || sessions="$sessions$leader "
  done
  for file in /proc/[0-9]*/stat; do
    pid=\${file#/proc/} pid=\${pid%/stat}
    [ "$pid" != $$ ] && stat_of "$pid" && [ "$state" != Z ] || continue
    case "$sessions" in *" $session "*) victims="$victims $pid"; continue ;; esac
    case "$marked" in *" $pid "*) victims="$victims $pid" ;; esac
  done
}
sweep() { # instance
  rounds=0
  while victims_of "$1"; [ -n "$victims" ] && [ $rounds -lt 100 ]; do
    kill -KILL $victims 2>/dev/null
    rounds=$((rounds + 1))
    sleep 0.05
  done
  [ -z "$victims" ]
}
`;

const DEAF = "trap '' INT TERM HUP;";

/**
 * Starts a watchdog that runs `script` when this process is gone.
 * @param {string} script
 * @param {string[]} args
 */
function whenOwnerDies(script, args) {
  const watchdog = spawn("sh", ["-c", `${DEAF} read -r _; ${script}`, "lathe-watchdog", ...args], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
    cwd: "/",
  });
  watchdog.stdin.on("error", () => {}); // Its death is told by "exit"; the broken pipe says nothing more.
  watchdog.unref();
  return watchdog;
}

/**
 * Interrupts one process when this one is gone (Postgres then shuts down at once and cleanly).
 * @param {number} pid
 * @returns {() => void} calls the watchdog off, for when the process has ended
 */
export function interruptWhenOwnerDies(pid) {
  const watchdog = whenOwnerDies('kill -INT "$1"', [String(pid)]);
  return () => void watchdog.kill("SIGKILL");
}

/**
 * Sweeps an instance away when this process is gone, whatever ended it.
 * A watchdog that is killed is replaced.
 * @param {string} instance
 * @returns {() => void} calls the watchdog off
 */
export function sweepWhenOwnerDies(instance) {
  let wanted = true;
  let watchdog = start();
  function start() {
    const started = whenOwnerDies(`${SWEEP} sweep "$1"`, [instance]);
    started.once("exit", () => {
      if (wanted) watchdog = start();
    });
    return started;
  }
  return () => {
    wanted = false;
    watchdog.kill("SIGKILL");
  };
}

/**
 * Kills every process of an instance, now.
 * @param {string} instance
 * @returns {Promise<boolean>} false when something is still there after five seconds
 */
export function sweep(instance) {
  return new Promise((resolve, reject) => {
    const child = spawn("sh", ["-c", `${SWEEP} sweep "$1"`, "lathe-sweep", instance], {
      stdio: "ignore",
      cwd: "/",
    });
    child.once("error", reject);
    child.once("exit", (code) => resolve(code === 0));
  });
}
