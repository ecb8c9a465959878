'use strict';
// A box to draw in, with a mouse, a finger, a pen or the keyboard.

const PAPER = 105; // the side of a box in the unit of its points, as in drawing.rs
const PEN = 5;

class Box {
  // `changed(drawing)` is called after each change; `drawing` says that the pen is still down
  constructor(name, label, changed) {
    this.element = document.getElementById('box').content.firstElementChild.cloneNode(true);
    const find = (what) => this.element.querySelector(what);
    [this.canvas, this.undoButton, this.clearButton] = ['canvas', '.undo', '.clear'].map(find);
    [this.label, this.changed] = [label, changed];
    this.strokes = [];
    this.pointer = null; // the one that draws
    this.pen = [PAPER / 2, PAPER / 2]; // where the keyboard draws
    this.penDown = false;
    find('.name').textContent = name;
    this.undoButton.setAttribute('aria-label', `Undo the last stroke, ${label}`);
    this.clearButton.setAttribute('aria-label', `Clear, ${label}`);
    this.undoButton.addEventListener('click', () => this.undo());
    this.clearButton.addEventListener('click', () => this.set([]));
    this.listen();
    this.show();
  }

  get empty() { return this.strokes.length === 0; }

  set(strokes) {
    this.strokes = strokes;
    this.penDown = false;
    this.show();
    this.changed(false);
  }

  undo() { this.set(this.strokes.slice(0, -1)); }

  begin(point) {
    this.strokes.push([point]);
    this.show();
    this.changed(true);
  }

  extend(points) {
    this.strokes.at(-1).push(...points);
    this.show();
    this.changed(true);
  }

  listen() {
    const canvas = this.canvas;
    const point = (event) => {
      const box = canvas.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width * PAPER, (event.clientY - box.top) / box.height * PAPER];
    };
    canvas.addEventListener('pointerdown', (event) => {
      if (this.pointer !== null || event.button !== 0) return; // a second finger, another button
      event.preventDefault();
      canvas.focus({ preventScroll: true, focusVisible: false });
      canvas.setPointerCapture(event.pointerId);
      [this.pointer, this.penDown] = [event.pointerId, false];
      this.begin(point(event));
    });
    canvas.addEventListener('pointermove', (event) => {
      if (event.pointerId !== this.pointer) return;
      const all = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
      this.extend((all.length ? all : [event]).map(point));
    });
    for (const end of ['pointerup', 'pointercancel', 'lostpointercapture']) {
      canvas.addEventListener(end, (event) => {
        if (event.pointerId !== this.pointer) return;
        this.pointer = null;
        this.changed(false);
      });
    }
    canvas.addEventListener('keydown', (event) => this.key(event));
    for (const focus of ['focus', 'blur']) canvas.addEventListener(focus, () => this.lift());
    new ResizeObserver(() => this.show()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.show());
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key];
    if (this.pointer !== null || event.altKey) return;
    const undo = event.key === 'Backspace' || ((event.ctrlKey || event.metaKey) && event.key === 'z');
    if (move) {
      const far = event.shiftKey ? 1 : 5;
      this.pen = this.pen.map((at, axis) => Math.min(PAPER - 3, Math.max(3, at + far * move[axis])));
      if (this.penDown) this.extend([this.pen]); else this.show();
    } else if (event.key === ' ') {
      if (this.penDown) this.lift(); else { this.penDown = true; this.begin(this.pen); }
    } else if (undo) {
      this.undo();
    } else if (event.key === 'Delete') {
      this.set([]);
    } else {
      return;
    }
    event.preventDefault();
  }

  // lifts the pen of the keyboard
  lift() {
    const was = this.penDown;
    this.penDown = false;
    this.show();
    if (was) this.changed(false);
  }

  show() {
    const canvas = this.canvas;
    const side = Math.round(canvas.clientWidth * devicePixelRatio);
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const context = canvas.getContext('2d');
    context.setTransform(side / PAPER, 0, 0, side / PAPER, 0, 0);
    context.clearRect(0, 0, PAPER, PAPER);
    const style = getComputedStyle(document.documentElement);
    context.strokeStyle = style.getPropertyValue('--ink');
    context.lineWidth = PEN;
    context.lineCap = context.lineJoin = 'round';
    for (const stroke of this.strokes) {
      context.beginPath();
      context.moveTo(...stroke[0]);
      for (const point of stroke) context.lineTo(...point);
      context.stroke();
    }
    if (canvas.matches(':focus-visible')) {
      context.strokeStyle = style.getPropertyValue('--accent');
      context.lineWidth = this.penDown ? 3 : 1;
      context.beginPath();
      context.arc(...this.pen, 4, 0, 7);
      context.stroke();
    }
    this.undoButton.disabled = this.clearButton.disabled = this.empty;
    const n = this.strokes.length;
    const said = `${this.label}, ${n === 0 ? 'empty' : n === 1 ? '1 stroke' : `${n} strokes`}`;
    if (canvas.ariaLabel !== said) canvas.setAttribute('aria-label', said);
  }
}
