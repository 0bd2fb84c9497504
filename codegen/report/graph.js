// The drawing of a graph: zoom, pan, an overview at the side.

const slowest = Math.max(1e-12, ...data.after.nodes.map((_, n) => secondsOf(n)));
const cut = (text, most) => text.length <= most ? text : text.slice(0, most - 1) + '…';
const shortened = (text, most) => text.length <= most ? text : '…' + text.slice(text.length - most + 1);
const shapeText = value => value.type.includes('[') ? typeText(value.type.slice(value.type.indexOf('[') + 1, -1)) || 'scalar' : '?';

/** A line through the points: straight down within layers, curved between them. */
function curve(path) {
  let text = `M${path[0]} ${path[1]}`;
  for (let i = 2; i < path.length; i += 2) {
    const [x0, y0, x, y] = path.slice(i - 2, i + 2), middle = (y0 + y) / 2;
    text += x === x0 ? `V${y}` : `C${x0} ${middle} ${x} ${middle} ${x} ${y}`;
  }
  return text;
}

class GraphView {
  constructor(which, select) {
    this.graph = data[which];
    this.after = which === 'after';
    this.scale = 1;
    this.x = this.y = 0;
    this.layer = svg('g');
    this.root = svg('svg', { class: 'graph', role: 'img', 'aria-label': `the graph ${which} rewrites` }, this.layer);
    this.overview = el('canvas', { class: 'overview', title: 'The whole graph; click to go there' });
    this.lines = this.graph.lines.map(line => svg('path', { class: 'line', d: curve(line.path) }));
    this.nodes = this.graph.nodes.map((node, i) => this.drawNode(node, i, select));
    this.layer.append(...this.lines, ...this.shapes(), ...this.nodes);
    this.listen();
  }

  drawNode(node, i, select) {
    const [x, y, w, h] = node.box, seconds = this.after && node.kind === 'node' ? secondsOf(i) : 0;
    const most = Math.floor((w - 20) / 6);
    const g = svg('g', { class: `node${node.folded ? ' folded' : ''}`, style: colour(kindOf(node)), transform: `translate(${x} ${y})`, onclick: () => select(i) },
      svg('rect', { class: 'box', width: w, height: h, rx: node.kind === 'node' ? 7 : h / 2 }));
    if (node.kind !== 'node') {
      g.append(svg('text', { class: 'op', x: w / 2, y: h / 2 + 4.5, 'text-anchor': 'middle' }, shortened(node.name, Math.floor((w - 16) / 8))));
    } else {
      g.append(svg('text', { class: 'op', x: 10, y: 19 }, cut(node.op, Math.floor((w - (timed && this.after ? 74 : 18)) / 7.6))),
        svg('text', { class: 'sub', x: 10, y: 34 }, node.folded ? 'a constant' : shortened(node.name, most)));
      const owned = this.after && stepsOf[i].some(s => ownerOf(data.steps[s]) === i);
      if (timed && this.after && stepsOf[i].length && !owned) {
        g.append(svg('text', { class: 'time faint', x: w - 9, y: 19 }, `in step ${stepsOf[i][0]}`));
      } else if (timed && owned) {
        g.append(svg('text', { class: 'time', x: w - 9, y: 19 }, timeText(seconds)),
          svg('rect', { class: 'bar', x: 10, y: h - 7, height: 3, rx: 1.5, width: Math.max(1, (w - 20) * seconds / slowest) }));
      }
    }
    g.addEventListener('mousemove', e => showTip(e, labelOf(node), node.name, ...node.outputs.filter(v => v >= 0).map(v => `→ ${typeText(this.graph.values[v].type)}`)));
    g.addEventListener('mouseleave', hideTip);
    return g;
  }

  /** One label for each value, near where its line begins; near its end, where several values leave a node. */
  shapes() {
    const seen = new Set(), texts = [];
    const leaving = new Map();
    for (const line of this.graph.lines) leaving.set(line.from, (leaving.get(line.from) ?? new Set()).add(line.value));
    for (const line of this.graph.lines) {
      if (seen.has(line.value)) continue;
      seen.add(line.value);
      const atEnd = leaving.get(line.from).size > 1, p = line.path;
      const [x, y] = atEnd ? [p.at(-2) + 6, p.at(-1) - 8] : [p[0] + 6, p[1] + 14];
      texts.push(svg('text', { class: 'shape', x, y }, shapeText(this.graph.values[line.value])));
    }
    return texts;
  }

  listen() {
    let from = null;
    this.root.addEventListener('pointerdown', e => { from = [e.clientX - this.x, e.clientY - this.y, e.pointerId]; });
    this.root.addEventListener('pointermove', e => {
      if (!from) return;
      const [x, y] = [e.clientX - from[0], e.clientY - from[1]];
      if (!this.root.classList.contains('dragging') && Math.hypot(x - this.x, y - this.y) < 4) return;
      this.root.classList.add('dragging');
      this.root.setPointerCapture(from[2]);
      this.move(x, y, this.scale);
    });
    const end = () => { from = null; this.root.classList.remove('dragging'); };
    this.root.addEventListener('pointerup', end);
    this.root.addEventListener('pointercancel', end);
    this.root.addEventListener('wheel', e => {
      e.preventDefault();
      if (!e.ctrlKey && !e.metaKey && e.deltaMode === 0 && e.shiftKey) return this.move(this.x - e.deltaY, this.y, this.scale);
      const box = this.root.getBoundingClientRect();
      this.zoom(Math.exp(-Math.max(-60, Math.min(60, e.deltaY * (e.deltaMode ? 20 : 1))) / 220), e.clientX - box.left, e.clientY - box.top);
    }, { passive: false });
    const jump = e => {
      const box = this.overview.getBoundingClientRect(), inside = this.root.getBoundingClientRect();
      const y = (e.clientY - box.top) / box.height * this.graph.height;
      this.move(this.x, inside.height / 2 - y * this.scale, this.scale);
    };
    this.overview.addEventListener('pointerdown', e => { this.overview.setPointerCapture(e.pointerId); jump(e); });
    this.overview.addEventListener('pointermove', e => { if (e.buttons) jump(e); });
    new ResizeObserver(() => this.paintOverview()).observe(this.overview);
  }

  move(x, y, scale) {
    this.x = x; this.y = y; this.scale = scale;
    this.layer.setAttribute('transform', `translate(${x} ${y}) scale(${scale})`);
    this.root.classList.toggle('far', scale < .3);
    this.paintOverview();
  }
  zoom(factor, x = this.root.clientWidth / 2, y = this.root.clientHeight / 2) {
    const scale = Math.max(.004, Math.min(3, this.scale * factor)), real = scale / this.scale;
    this.move(x - (x - this.x) * real, y - (y - this.y) * real, scale);
  }
  /** The whole drawing. */
  fit() {
    const w = this.root.clientWidth - 80, h = this.root.clientHeight - 20;
    const scale = Math.min(1, w / this.graph.width, h / this.graph.height);
    this.move((w - this.graph.width * scale) / 2 + 8, 10, scale);
  }
  /** The first nodes, as large as they are meant. */
  begin() {
    const w = this.root.clientWidth - 64, first = this.graph.nodes[0];
    if (!first) return;
    const scale = Math.max(.6, Math.min(1, w / this.graph.width));
    const wide = this.graph.width * scale > w;
    const middle = wide ? first.box[0] + first.box[2] / 2 : this.graph.width / 2;
    this.move(w / 2 - middle * scale, 40, scale);
  }
  /** The width that neither the overview nor details over the drawing cover. */
  get clear() {
    const over = !details.hidden && getComputedStyle(details).position === 'absolute' ? details.offsetWidth : 0;
    return this.root.clientWidth - Math.max(64, over);
  }
  show(i) {
    const [x, y, w, h] = this.graph.nodes[i].box, scale = Math.max(this.scale, .7);
    this.move(this.clear / 2 - (x + w / 2) * scale, this.root.clientHeight / 2 - (y + h / 2) * scale, scale);
  }
  /** Moves only where a node cannot be seen. */
  reveal(i) {
    const [x, y, w, h] = this.graph.nodes[i].box, left = this.x + x * this.scale, top = this.y + y * this.scale;
    if (left < 0 || top < 0 || left + w * this.scale > this.clear || top + h * this.scale > this.root.clientHeight) this.show(i);
  }

  /** Marks a node, and the lines to and from it. */
  mark(selected) {
    this.nodes.forEach((g, i) => g.classList.toggle('selected', i === selected));
    this.graph.lines.forEach((line, i) => this.lines[i].classList.toggle('near', selected !== null && (line.from === selected || line.to === selected)));
    this.selected = selected;
    this.paintOverview();
  }
  markHits(hits, current) {
    this.hits = new Set(hits);
    this.nodes.forEach((g, i) => {
      g.classList.toggle('hit', this.hits.has(i));
      g.classList.toggle('current', i === current);
    });
    this.paintOverview();
  }

  paintOverview() {
    if (this.painting) return;
    this.painting = requestAnimationFrame(() => { this.painting = 0; this.paintNow(); });
  }
  paintNow() {
    const canvas = this.overview, w = canvas.clientWidth, h = canvas.clientHeight, ratio = devicePixelRatio || 1;
    if (!w || !h) return;
    canvas.width = w * ratio; canvas.height = h * ratio;
    const to = canvas.getContext('2d'), style = getComputedStyle(canvas);
    to.scale(ratio, ratio);
    const sx = (w - 8) / this.graph.width, sy = Math.min(h / this.graph.height, .12);
    canvas.style.setProperty('--used', sy);
    this.graph.nodes.forEach((node, i) => {
      const [x, y, width, height] = node.box, hit = this.hits?.has(i);
      to.fillStyle = style.getPropertyValue(i === this.selected ? '--accent' : hit ? '--hit' : `--${kindOf(node)}`);
      to.fillRect(hit || i === this.selected ? 0 : 4 + x * sx, y * sy, hit || i === this.selected ? w : Math.max(2, width * sx), Math.max(1, height * sy));
    });
    to.strokeStyle = style.getPropertyValue('--ink');
    to.fillStyle = style.getPropertyValue('--ink');
    const top = -this.y / this.scale * sy, tall = this.root.clientHeight / this.scale * sy;
    to.globalAlpha = .1; to.fillRect(0, top, w, tall);
    to.globalAlpha = .7; to.strokeRect(.5, top, w - 1, Math.max(3, tall));
  }
}
