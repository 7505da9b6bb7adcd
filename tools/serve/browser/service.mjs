// A service and a browser for the tests.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

/** Starts `calico serve` at a free port; CALICO names the program. */
export async function serve(args = [], variables = {}) {
  const program = process.env.CALICO;
  if (!program) throw new Error("CALICO is not set: the path of the program");
  const child = spawn(program, ["serve", "--port", "0", "--log-level", "warn", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...variables },
  });
  const [address] = await once(createInterface({ input: child.stdout }), "line");
  const stop = async () => {
    child.kill();
    if (child.exitCode === null) await once(child, "exit");
  };
  return { address, stop };
}

/** Starts the browser that CHROMIUM names, with a camera that shows a test pattern. */
export async function browse() {
  const profile = mkdtempSync(join(tmpdir(), "calico-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
    ],
    acceptDownloads: true,
  });
  const close = async () => {
    await context.close();
    try {
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    } catch {
      // A process of the browser may still write into it; it lies among the temporary files.
    }
  };
  return { context, close };
}
