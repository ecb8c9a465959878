// node tests/device/run.mjs MODULE             what `device check` does, in a module that is given neither clock nor thread nor file
// node tests/device/run.mjs MODULE FILTERS N   milliseconds of adapt and of meta_grad, medians of N
import { readFile } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import { argv } from "node:process";

const [path, filters, times] = argv.slice(2);
const module = await WebAssembly.compile(await readFile(path));
const imports = WebAssembly.Module.imports(module).map(({ module, name }) => `${module}.${name}`);
if (imports.join() !== "host.say") throw new Error(`the module imports ${imports}`);
const say = (at, length) =>
    console.error(new TextDecoder().decode(new Uint8Array(instance.exports.memory.buffer, at, length)));
const instance = await WebAssembly.instantiate(module, { host: { say } });
const { run_check, prepare, adapt, meta_grad } = instance.exports;

if (filters === undefined) {
    run_check();
    console.log("device check: ok");
} else {
    const took = (f) => {
        const start = performance.now();
        f();
        return performance.now() - start;
    };
    const median = (values) => values.sort((a, b) => a - b)[values.length >> 1].toFixed(2);
    prepare(Number(filters));
    const all = { adapt: [], meta_grad: [] };
    for (let i = 0; i < Number(times); i++) {
        all.adapt.push(took(adapt));
        all.meta_grad.push(took(meta_grad));
    }
    console.log(`adapt ${median(all.adapt)} ms, meta_grad ${median(all.meta_grad)} ms`);
}
