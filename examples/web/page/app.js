'use strict';
// The page: boxes to teach, a box to try, and what the network says of it.

const [FEWEST, MOST] = [2, 10];
const SIZE = 28;
const LONG = 30; // milliseconds of an adaptation that would be felt while the pen is down
const $ = (id) => document.getElementById(id);
const boxes = [];
const rows = [];
let page = null; // the network, once it is there
let stale = true; // the boxes or the steps have changed since it adapted
let taught = []; // the boxes that it adapted to
let took = 0; // milliseconds of the last adaptation
let waiting = false;

const test = new Box('', 'Box to try', (drawing) => ask(drawing));
$('test').append(test.element);

// What the network sees of a drawing: bytes, none if there is no stroke.
function seen(box) {
  const points = new Float32Array(box.strokes.flat(2));
  return wasm_bindgen.prepared(points, new Uint32Array(box.strokes.map((stroke) => stroke.length)));
}

function addBox() {
  const name = String.fromCharCode(65 + boxes.length);
  const box = new Box(name, `Character ${name}`, (drawing) => {
    stale = true;
    ask(drawing);
  });
  boxes.push(box);
  $('boxes').append(box.element);

  const row = document.createElement('li');
  row.innerHTML = `<span class="class"><canvas width="${SIZE}" height="${SIZE}" aria-hidden="true"></canvas>${name}</span>`;
  const meters = ['before', 'after'].map((when) => {
    const meter = document.createElement('span');
    meter.className = `meter ${when}`;
    meter.innerHTML = '<i></i><span></span>';
    const about = { role: 'meter', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-label': `${name} ${when} adaptation, percent` };
    Object.entries(about).forEach(([key, value]) => meter.setAttribute(key, value));
    row.append(meter);
    return meter;
  });
  rows.push({ row, meters, thumb: row.querySelector('canvas') });
  $('rows').append(row);
}

function setCount(count) {
  while (boxes.length < count) addBox();
  while (boxes.length > count) {
    boxes.pop().element.remove();
    rows.pop().row.remove();
  }
  $('count').textContent = count;
  $('fewer').disabled = count === FEWEST;
  $('more').disabled = count === MOST;
  stale = true;
  ask(false);
}

// Answers at the next frame, once for all changes until then.
function ask(drawing) {
  if (waiting || !page || (drawing && stale && took > LONG)) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    try {
      answer();
    } catch (error) {
      say(String(error.message ?? error), true);
    }
  });
}

function answer() {
  const steps = Number($('steps').value);
  if (stale) adapt(steps);
  const ready = taught.length >= FEWEST;
  const found = ready && !test.empty ? page.predict(seen(test)) : null;
  const ways = taught.length;
  const after = found ? Array.from(found.slice(ways)) : [];
  const best = found ? after.indexOf(Math.max(...after)) : -1;
  rows.forEach(({ row, meters }, i) => {
    const at = taught.indexOf(boxes[i]);
    const known = found && at >= 0;
    row.classList.toggle('best', known && at === best);
    meters.forEach((meter, when) => {
      const percent = known ? 100 * found[when * ways + at] : 0;
      meter.style.setProperty('--p', percent.toFixed(1));
      meter.setAttribute('aria-valuenow', Math.round(percent));
      meter.lastChild.textContent = known ? `${Math.round(percent)} %` : '–';
    });
  });
  if (!ready) {
    say('Draw in two boxes at least.');
  } else {
    const name = found && rows[boxes.indexOf(taught[best])].row.textContent[0];
    const looks = found ? `Looks like ${name}. ` : '';
    say(`${looks}Adapted to ${ways} drawings in ${took < 10 ? took.toFixed(1) : Math.round(took)} ms.`);
  }
}

function adapt(steps) {
  const drawings = boxes.map((box) => (box.empty ? null : seen(box)));
  taught = boxes.filter((box) => !box.empty);
  if (taught.length >= FEWEST) {
    const all = new Uint8Array(taught.length * SIZE * SIZE);
    drawings.filter(Boolean).forEach((pixels, i) => all.set(pixels, i * SIZE * SIZE));
    const start = performance.now();
    page.adapt(all, steps);
    took = performance.now() - start;
  }
  stale = false;
  drawings.forEach((pixels, i) => thumb(rows[i].thumb, pixels));
}

function thumb(canvas, pixels) {
  const context = canvas.getContext('2d');
  context.clearRect(0, 0, SIZE, SIZE);
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--ink');
  pixels?.forEach((pixel, at) => {
    if (pixel) context.fillRect(at % SIZE, Math.floor(at / SIZE), 1, 1);
  });
}

function say(text, bad = false) {
  const status = $('status');
  if (status.textContent !== text) status.textContent = text;
  status.classList.toggle('bad', bad);
}

function showSteps() {
  const steps = Number($('steps').value);
  $('steps-value').textContent = steps;
  $('after').textContent = steps === 1 ? '1 step' : `${steps} steps`;
}

$('steps').addEventListener('input', () => {
  showSteps();
  stale = true;
  ask(false);
});
$('fewer').addEventListener('click', () => setCount(boxes.length - 1));
$('more').addEventListener('click', () => setCount(boxes.length + 1));
$('clear-all').addEventListener('click', () => [...boxes, test].forEach((box) => box.set([])));
$('examples').addEventListener('click', () => {
  boxes.forEach((box, i) => box.set(structuredClone(EXAMPLES[i])));
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  stale = true; // the small pictures have the colour of ink
  ask(false);
});

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function start() {
  const [program, params] = await Promise.all([PACKED.program, PACKED.params].map(unpacked));
  await wasm_bindgen({ module_or_path: program });
  page = new wasm_bindgen.Page(params);
  $('steps').value = page.steps;
  showSteps();
  performance.mark('ready');
  ask(false);
}

setCount(5);
showSteps();
start().catch((error) => say(`This browser cannot run the page: ${error.message ?? error}`, true));
