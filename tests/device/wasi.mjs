// Runs a test program that was built for wasm32-wasip1: node tests/device/wasi.mjs PROGRAM ARGUMENTS
import { readFile } from "node:fs/promises";
import { argv, env, exit } from "node:process";
import { WASI } from "node:wasi";

const args = argv.slice(2);
const ours = Object.entries(env).filter(([name]) => name.startsWith("INNERLOOP_") || name.startsWith("RUST_"));
const preopens = { "/": "/" }; // tests name files by whole paths
const wasi = new WASI({ version: "preview1", args, env: Object.fromEntries(ours), preopens });
const module = await WebAssembly.compile(await readFile(args[0]));
exit(wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject())));
