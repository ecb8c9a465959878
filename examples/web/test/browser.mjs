// Draws on the page in headless Chromium, as a person would: node browser.mjs FOLDER [EPISODES.json] [SCREENSHOTS]
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const [folder, episodes, shots] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
const address = pathToFileURL(resolve(folder, 'index.html')).href; // from the folder, without a server
const problems = [];

async function opened(settings = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...settings });
  const page = await context.newPage();
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  await page.goto(address);
  await status(page, /Draw in two boxes/);
  return page;
}

const status = (page, text) =>
  page.waitForFunction((source) => new RegExp(source).test(document.getElementById('status').textContent), text.source);
const canvas = (page, label) => page.getByRole('application', { name: new RegExp(`^${label},`) });
const letter = (i) => String.fromCharCode(65 + i);

async function placeOf(page, label) {
  await canvas(page, label).scrollIntoViewIfNeeded();
  return canvas(page, label).boundingBox();
}

// `known` is where the box is, if that was asked before
async function draw(page, label, strokes, known) {
  const box = known ?? (await placeOf(page, label));
  const place = ([x, y]) => [box.x + (x / 105) * box.width, box.y + (y / 105) * box.height];
  for (const stroke of strokes) {
    await page.mouse.move(...place(stroke[0]));
    await page.mouse.down();
    // in order, but without waiting for the answer to each
    await Promise.all(stroke.slice(1).map((point) => page.mouse.move(...place(point))));
    await page.mouse.up();
  }
}

// the class that the page says, after the frame in which it answers
async function answer(page) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  return page.evaluate(() => document.querySelector('#rows .best')?.textContent[0] ?? '');
}

async function byHand() {
  const page = await opened();
  const cross = [[[20, 20], [80, 80]], [[80, 20], [20, 80]]];
  const circle = [Array.from({ length: 25 }, (_, i) => [52 + 30 * Math.cos(i / 4), 52 + 30 * Math.sin(i / 4)])];
  await draw(page, 'Character A', cross);
  await status(page, /two boxes at least/);
  await draw(page, 'Character B', circle);
  await status(page, /Adapted to 2 drawings/);
  await draw(page, 'Box to try', circle);
  assert.equal(await answer(page), 'B');
  const read = () => page.getByRole('meter').evaluateAll((all) => all.map((m) => Number(m.getAttribute('aria-valuenow'))));
  const [a, after, b, afterB] = await read();
  assert.ok(Math.abs(a + b - 100) <= 1 && Math.abs(after + afterB - 100) <= 1 && afterB > b, `${await read()}`);
  await page.getByRole('button', { name: 'Clear, Box to try' }).click();
  await draw(page, 'Box to try', cross);
  assert.equal(await answer(page), 'A');

  // zero steps: nothing is learned
  const slider = page.getByRole('slider', { name: 'Gradient steps' });
  await slider.fill('0');
  await answer(page);
  const [before, same] = await read();
  assert.equal(before, same, 'without steps nothing is learned');
  await slider.fill('3');

  // the keyboard alone: a line down, and back again
  const box = canvas(page, 'Character C');
  await box.focus();
  for (const key of ['Space', 'ArrowDown', 'ArrowDown', 'ArrowRight', 'Space']) await page.keyboard.press(key);
  await status(page, /Adapted to 3 drawings/);
  assert.match(await box.getAttribute('aria-label'), /1 stroke$/);
  await page.keyboard.press('Backspace');
  await status(page, /Adapted to 2 drawings/);

  // undo, more boxes, fewer boxes, all of them, none
  await page.getByRole('button', { name: 'Undo the last stroke, Character A' }).click();
  assert.match(await canvas(page, 'Character A').getAttribute('aria-label'), /1 stroke$/);
  const [more, fewer] = ['One box more', 'One box less'].map((name) => page.getByRole('button', { name }));
  for (let i = 0; i < 5; i++) await more.click();
  assert.ok(await more.isDisabled());
  await page.getByRole('button', { name: 'Examples' }).click();
  await status(page, /Adapted to 10 drawings/);
  for (let i = 0; i < 8; i++) await fewer.click();
  assert.ok(await fewer.isDisabled());
  await status(page, /Adapted to 2 drawings/);
  await page.getByRole('button', { name: 'Clear all' }).click();
  await status(page, /two boxes at least/);
  await page.context().close();
}

async function byFinger() {
  const page = await opened({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const before = await page.evaluate(() => scrollY);
  const touch = await page.context().newCDPSession(page);
  const box = await canvas(page, 'Character A').boundingBox();
  const at = (x, y) => [{ x: box.x + x * box.width, y: box.y + y * box.height }];
  await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: at(0.5, 0.2) });
  for (let i = 3; i < 9; i++) await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: at(0.5, i / 10) });
  await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  assert.match(await canvas(page, 'Character A').getAttribute('aria-label'), /1 stroke$/);
  assert.equal(await page.evaluate(() => scrollY), before, 'drawing does not scroll');
  await page.context().close();
}

async function published() {
  const page = await opened({ viewport: { width: 1280, height: 1400 } }); // nothing scrolls
  const all = JSON.parse(readFileSync(episodes));
  let [right, native, same, asked] = [0, 0, 0, 0];
  const labels = ['Box to try', ...[0, 1, 2, 3, 4].map((i) => `Character ${letter(i)}`)];
  const places = {};
  for (const label of labels) places[label] = await placeOf(page, label);
  const [adapting, first] = [[], await page.evaluate(() => performance.getEntriesByName('ready')[0].startTime)];
  for (const { support, query, labels: truth, native: natively } of all) {
    await page.getByRole('button', { name: 'Clear all' }).click();
    for (const [i, strokes] of support.entries()) await draw(page, `Character ${letter(i)}`, strokes, places[`Character ${letter(i)}`]);
    await status(page, /Adapted to 5 drawings/);
    adapting.push(parseFloat((await page.locator('#status').textContent()).match(/([\d.]+) ms/)[1]));
    for (const [i, strokes] of query.entries()) {
      await draw(page, 'Box to try', strokes, places['Box to try']);
      const found = (await answer(page)).charCodeAt(0) - 65;
      right += found === truth[i];
      native += natively[i] === truth[i];
      same += found === natively[i];
      asked += 1;
      await page.keyboard.press('Delete'); // the box that was drawn in has the focus
    }
    console.log(`${asked} asked, ${right} right`);
  }
  adapting.sort((a, b) => a - b);
  const percent = (n) => ((100 * n) / asked).toFixed(2);
  console.log(`${all.length} episodes drawn in the browser: ${percent(right)} %, natively ${percent(native)} %, ` +
    `the same answer ${percent(same)} %; ready after ${first.toFixed(0)} ms; ${adapting[adapting.length >> 1]} ms to adapt`);
  assert.ok(Math.abs(percent(right) - percent(native)) <= 2);
  await page.context().close();
}

async function look(width, height, colorScheme) {
  const page = await opened({ viewport: { width, height }, colorScheme, deviceScaleFactor: 1 });
  await page.getByRole('button', { name: 'Examples' }).click();
  await draw(page, 'Box to try', [[[28, 22], [30, 88]], [[30, 57], [54, 42], [77, 56], [76, 86]]]);
  assert.equal(await answer(page), 'C');
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  assert.ok(!wide, `at ${width} pixels the page is wider than the window`);
  if (shots) await page.screenshot({ path: `${shots}/${width}-${colorScheme}.png`, fullPage: true });
  await page.context().close();
}

await byHand();
await byFinger();
for (const [width, height] of [[390, 844], [1280, 900]]) for (const scheme of ['light', 'dark']) await look(width, height, scheme);
if (episodes) await published();
assert.deepEqual(problems, []);
await browser.close();
console.log('the page does what it should');
