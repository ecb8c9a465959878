// The program of the page without the page: the episodes in Node.js, and how long it takes.
//
//   node time.mjs PAGE EPISODES.json
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { gunzipSync } from 'node:zlib';

const [folder, episodes] = process.argv.slice(2);
const script = (name) => readFileSync(join(folder, name), 'utf8');
const [wasm_bindgen, PACKED] = new Function(`${script('innerloop.js')}\n${script('data.js')}\nreturn [wasm_bindgen, PACKED];`)();
const unpacked = (text) => new Uint8Array(gunzipSync(Buffer.from(text, 'base64')));
await wasm_bindgen({ module_or_path: unpacked(PACKED.program) });
const page = new wasm_bindgen.Page(unpacked(PACKED.params));

const prepared = (strokes) => wasm_bindgen.prepared(Float32Array.from(strokes.flat(2)), Uint32Array.from(strokes, (stroke) => stroke.length));
const taken = { adapt: [], predict: [] };
const timed = (what, f) => {
  const start = performance.now();
  const result = f();
  taken[what].push(performance.now() - start);
  return result;
};
let [right, same, asked] = [0, 0, 0];
for (const { support, query, labels, native } of JSON.parse(readFileSync(episodes))) {
  const drawings = Uint8Array.from(support.flatMap((strokes) => [...prepared(strokes)]));
  timed('adapt', () => page.adapt(drawings, 3));
  for (const [i, strokes] of query.entries()) {
    const drawing = prepared(strokes);
    const after = [...timed('predict', () => page.predict(drawing))].slice(5);
    const answer = after.indexOf(Math.max(...after));
    right += answer === labels[i];
    same += answer === native[i];
    asked += 1;
  }
}
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1].toFixed(2);
console.log(`${asked} asked, ${((100 * right) / asked).toFixed(2)} % right, ${same} answers as natively; ` +
  `median ${median(taken.adapt)} ms to adapt (3 steps, and before), ${median(taken.predict)} ms to predict twice`);
