// The memory plan: steps or time from left to right, offsets from bottom to top, a rectangle for each tensor.

let byTime = false;

/** Where each step begins, from 0 to 1; the last is the end. */
function stepEdges() {
  const edges = [0], least = allSeconds / 2000;
  for (const step of data.steps) edges.push(edges.at(-1) + (byTime ? Math.max(step.seconds, least) : 1));
  return edges.map(e => e / edges.at(-1));
}

/** Bytes of living tensors in each step. */
function liveBytes(memory) {
  const change = new Array(data.steps.length + 1).fill(0);
  for (const t of memory.tensors) { change[t.first] += t.bytes; change[t.last + 1] -= t.bytes; }
  let live = 0;
  return change.slice(0, -1).map(c => live += c);
}

const makers = data.memories.map((memory, m) => {
  const first = new Array(memory.tensors.length).fill(null);
  data.steps.forEach((step, s) => step.tensors[m].forEach(t => { first[t] ??= s; }));
  return first;
});

function picture(m, pick, width) {
  const memory = data.memories[m], left = 74, right = 12, top = 10, height = Math.max(220, Math.min(520, innerHeight - 330)), liveHeight = 90, gap = 40;
  const edges = stepEdges(), inner = width - left - right, most = Math.max(1, memory.bytes);
  const x = e => left + e * inner, y = bytes => top + height * (1 - bytes / most);
  const total = top + height + gap + liveHeight + 24;
  const root = svg('svg', { class: 'plan', viewBox: `0 0 ${width} ${total}`, height: total });
  const rule = (value, text) => root.append(svg('line', { class: 'grid', x1: left, x2: width - right, y1: y(value), y2: y(value) }), svg('text', { x: left - 8, y: y(value) + 4, 'text-anchor': 'end' }, text));
  for (const part of [0, .25, .5, .75, 1]) rule(part * most, bytesText(Math.round(part * most)));
  const boxes = memory.tensors.map((t, i) => {
    const w = x(edges[t.last + 1]) - x(edges[t.first]), h = height * t.bytes / most;
    const box = svg('rect', { class: 'tensor', x: x(edges[t.first]), y: y(t.offset + t.bytes), width: Math.max(1, w), height: Math.max(.6, h),
      style: `${colour(makers[m][i] === null ? 'other' : kindOfStep(data.steps[makers[m][i]]))}; --depth: ${38 + i % 3 * 12}%`, onclick: () => pick([m, i]),
      onmouseleave: hideTip, onmousemove: e => showTip(e, t.name, `${bytesText(t.bytes)} at ${t.offset.toLocaleString('en')}`, `steps ${t.first} to ${t.last}`,
        makers[m][i] === null ? '' : `first touched by ${nameOfStep(data.steps[makers[m][i]])}`) });
    root.append(box);
    if (w > 60 && h > 14) root.append(svg('text', { class: 'inside', x: x(edges[t.first]) + 4, y: y(t.offset + t.bytes) + 12 }, shortened(t.name, Math.floor((w - 8) / 6.4))));
    return box;
  });
  const bottom = top + height, count = data.steps.length, every = Math.ceil(count / Math.max(2, Math.floor(inner / 70)));
  let last = -Infinity;
  for (let s = 0; s < count; s += byTime ? 1 : every) {
    if (x(edges[s]) - last < 48) continue;
    last = x(edges[s]);
    root.append(svg('text', { x: last, y: bottom + 15, 'text-anchor': 'middle' }, `${s}`));
  }
  root.append(svg('text', { x: width - right, y: bottom + 30, 'text-anchor': 'end' }, byTime ? 'steps, as wide as they take time' : 'steps'));
  const live = liveBytes(memory), base = bottom + gap + liveHeight, ly = bytes => base - liveHeight * bytes / most;
  const path = live.map((b, s) => `H${x(edges[s])}V${ly(b)}H${x(edges[s + 1])}`).join('');
  root.append(svg('path', { class: 'live', d: `M${x(0)} ${base}${path}V${base}Z` }),
    svg('text', { x: left - 8, y: ly(most) + 4, 'text-anchor': 'end' }, bytesText(most)), svg('text', { x: left - 8, y: base + 4, 'text-anchor': 'end' }, '0 B'),
    svg('line', { class: 'grid', x1: left, x2: width - right, y1: ly(most), y2: ly(most) }),
    svg('text', { x: left, y: base + 16 }, `bytes alive at each step: ${bytesText(Math.max(0, ...live))} at most, ${percent(Math.max(0, ...live) / most)} of what is taken`));
  return { root, boxes };
}

function memoryView(pick, redraw, width) {
  const pictures = data.memories.map((_, m) => picture(m, pick, width));
  const toggle = el('div', { class: 'group', role: 'group' }, ...[['steps', false], ['time', true]].map(([text, value]) =>
    el('button', { 'aria-pressed': `${byTime === value}`, disabled: value && !timed, onclick: () => { byTime = value; redraw(); } }, text)));
  const parts = data.memories.flatMap((memory, m) => [
    el('div', { class: 'caption' }, el('h2', { style: 'margin: 0' }, `${memory.name[0].toUpperCase()}${memory.name.slice(1)}: ${bytesText(memory.bytes)}`),
      el('span', { class: 'soft' }, `${plural(memory.tensors.length, 'tensor')}${memory.bound === undefined ? '' : memory.bound === memory.bytes ? '; no plan is smaller' : `; no plan is below ${bytesText(memory.bound)}`}`),
      m === 0 ? toggle : null),
    pictures[m].root]);
  return { element: el('div', { class: 'page' }, ...parts), boxes: pictures.map(p => p.boxes) };
}
