// Which view shows what: the state, which the address keeps, search, and keys.

const views = { graph: 'Graph', steps: 'Steps', memory: 'Memory', weights: 'Weights' };
const state = { view: 'graph', graph: 'after', node: null, step: null, tensor: null, search: '', hit: 0 };
const graphs = {};
const view = byId('view'), search = byId('search');
let shown = null;  // what the view draws
let drawn = '';    // for which state

function readAddress() {
  const from = new URLSearchParams(location.hash.slice(1));
  if (views[from.get('view')]) state.view = from.get('view');
  if (from.get('graph') === 'before') state.graph = 'before';
  const number = (name, list) => { const n = from.has(name) ? Number(from.get(name)) : NaN; return list[n] === undefined ? null : n; };
  state.node = number('node', data[state.graph].nodes);
  state.step = number('step', data.steps);
  const tensor = number('tensor', data.memories[0].tensors);
  state.tensor = tensor === null ? null : [0, tensor];
  byTime = timed && from.get('by') === 'time';
  search.value = state.search = from.get('search') ?? '';
}
function writeAddress() {
  const to = new URLSearchParams({ view: state.view, graph: state.graph });
  for (const name of ['node', 'step']) if (state[name] !== null) to.set(name, state[name]);
  if (state.tensor && state.tensor[0] === 0) to.set('tensor', state.tensor[1]);
  if (state.search) to.set('search', state.search);
  history.replaceState(null, '', `#${to}`);
}

const texts = {
  graph: () => data[state.graph].nodes.map(n => [n.op, n.name, ...[...n.inputs, ...n.outputs].filter(v => v >= 0).map(v => { const value = data[state.graph].values[v]; return `${value.name} ${value.type}`; })].join('\n')),
  steps: () => data.steps.map(s => [s.schedule, s.kind, ...s.kernels.map(k => k.name), ...s.nodes.map(n => `${data.after.nodes[n].op}\n${data.after.nodes[n].name}`)].join('\n')),
  memory: () => data.memories[0].tensors.map(t => t.name),
  weights: () => data.weights.map(w => [w.name, w.type, ...w.users.map(n => `${data.before.nodes[n].op}\n${data.before.nodes[n].name}`)].join('\n')),
};
function hits() {
  const wanted = state.search.trim().toLowerCase().replaceAll('×', 'x');
  if (!wanted) return [];
  return texts[state.view]().flatMap((text, i) => text.toLowerCase().includes(wanted) ? [i] : []);
}

/** Changes the state and draws what that asks for. */
function go(change) {
  if (change.view && change.view !== state.view) state.hit = 0;
  if (change.node !== undefined && change.node !== null) Object.assign(state, { tensor: null, step: null });
  if (change.tensor) Object.assign(state, { node: null, step: null });
  if (change.graph && change.graph !== state.graph && change.node === undefined) Object.assign(state, { node: null, hit: 0 });
  Object.assign(state, change);
  draw(change);
  writeAddress();
}
const redraw = () => { drawn = ''; go({}); };

function segmented(options, chosen, pick) {
  return el('div', { class: 'group', role: 'group' }, ...options.map(([text, value]) => el('button', { 'aria-pressed': `${chosen === value}`, onclick: () => pick(value) }, text)));
}
function legend(graph) {
  const used = new Set(graph.nodes.map(kindOf));
  return el('div', { class: 'legend' }, ...[...kinds.map(([kind]) => kind), 'other'].filter(kind => used.has(kind)).map(kind => el('span', { style: colour(kind) }, el('span', { class: 'chip' }), kind)));
}

const build = {
  graph() {
    const fresh = !graphs[state.graph];
    const g = graphs[state.graph] ??= new GraphView(state.graph, n => go({ node: n }));
    const count = which => data[which].nodes.filter(n => n.kind === 'node').length.toLocaleString('en');
    const tools = el('div', { class: 'tools' },
      segmented([[`Before fusion (${count('before')})`, 'before'], [`After (${count('after')})`, 'after']], state.graph, which => go({ graph: which })),
      el('div', { class: 'group' }, el('button', { title: 'Closer', 'aria-label': 'Closer', onclick: () => g.zoom(1.35) }, '+'), el('button', { title: 'Farther', 'aria-label': 'Farther', onclick: () => g.zoom(1 / 1.35) }, '−'),
        el('button', { title: 'The beginning, full size', onclick: () => g.begin() }, '1:1'), el('button', { title: 'All of it', onclick: () => g.fit() }, 'Fit')));
    view.replaceChildren(g.root, g.overview, tools, legend(g.graph));
    if (fresh) g.begin();
    return g;
  },
  steps: () => stepsView(i => go({ step: i, node: ownerOf(data.steps[i]) ?? null, graph: 'after' })),
  memory: () => memoryView(t => go({ tensor: t }), redraw, Math.max(420, view.clientWidth - 40)),
  weights: () => weightsView(redraw),
};
const mark = {
  graph(found, change) {
    shown.mark(state.node);
    shown.markHits(found, found[state.hit]);
    if ('search' in change || 'hit' in change) { if (found.length) shown.show(found[state.hit]); }
    else if (state.node !== null && 'node' in change) shown.reveal(state.node);
  },
  rows(found, change, selected) {
    shown.trs.forEach((tr, i) => {
      tr.classList.toggle('hit', found.includes(i));
      tr.classList.toggle('current', found[state.hit] === i);
      tr.classList.toggle('selected', i === selected);
    });
    const target = 'search' in change || 'hit' in change ? found[state.hit] : 'view' in change ? selected : null;
    shown.trs[target]?.scrollIntoView({ block: 'center' });
  },
  steps: (found, change) => mark.rows(found, change, state.step),
  weights: (found, change) => mark.rows(found, change, null),
  memory(found) {
    shown.boxes.forEach((boxes, m) => boxes.forEach((box, t) => {
      box.classList.toggle('selected', !!state.tensor && state.tensor[0] === m && state.tensor[1] === t);
      box.classList.toggle('hit', m === 0 && found.includes(t));
      box.classList.toggle('current', m === 0 && found[state.hit] === t);
    }));
  },
};

function draw(change) {
  hideTip();
  if (state.node !== null) showNode(state.graph, state.node);
  else if (state.tensor) showTensor(...state.tensor);
  else details.hidden = true;
  const wanted = `${state.view} ${state.view === 'graph' ? state.graph : ''}`;
  if (wanted !== drawn) {
    drawn = wanted;
    view.className = state.view === 'graph' ? 'fixed' : '';
    shown = build[state.view]();
    if (shown.element) view.replaceChildren(shown.element), view.scrollTop = 0;
    byId('tabs').childNodes.forEach(tab => tab.setAttribute('aria-selected', `${tab.dataset.view === state.view}`));
  }
  const found = hits();
  state.hit = found.length ? (state.hit + found.length) % found.length : 0;
  byId('hits').textContent = state.search.trim() ? (found.length ? `${state.hit + 1} of ${found.length}` : 'none') : '';
  byId('next').disabled = byId('previous').disabled = found.length < 2;
  mark[state.view](found, change);
}

function heading() {
  document.title = `${data.file} · sinter`;
  byId('file').textContent = data.file;
  const opsets = Object.entries(data.opsets).map(([domain, version]) => `${domain} ${version}`).join(', ');
  byId('about').textContent = [data.bytes === null ? '' : bytesText(data.bytes), `opset ${opsets}`, data.target, data.measured ? `${plural(data.measured.threads, 'thread')}, ${plural(data.measured.runs, 'run')}` : ''].filter(Boolean).join(' · ');
  const facts = [['a run takes', data.measured ? timeText(data.measured.seconds) : 'not measured'], ['parameters', countText(data.parameters)],
    ['FLOP a run', data.operations === null ? '–' : countText(data.operations)], ['arena', bytesText(data.memories[0].bytes)],
    ['packed weights', bytesText(data.packed_bytes)], ['rewrites', data.rewrites.toLocaleString('en')], ['steps', data.steps.length.toLocaleString('en')], ['kernels', data.kernels.toLocaleString('en')]];
  byId('facts').append(...facts.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))));
  byId('tabs').append(...Object.entries(views).map(([name, title]) => el('button', { role: 'tab', 'data-view': name, onclick: () => go({ view: name }) }, title)));
}

search.addEventListener('input', () => go({ search: search.value, hit: 0 }));
search.addEventListener('keydown', e => { if (e.key === 'Enter') go({ hit: state.hit + (e.shiftKey ? -1 : 1) }); });
byId('next').addEventListener('click', () => go({ hit: state.hit + 1 }));
byId('previous').addEventListener('click', () => go({ hit: state.hit - 1 }));
addEventListener('keydown', e => {
  if (e.key === '/' && document.activeElement !== search) { e.preventDefault(); search.focus(); }
  if (e.key !== 'Escape') return;
  if (document.activeElement === search && search.value) { search.value = ''; go({ search: '', hit: 0 }); }
  else go({ node: null, tensor: null });
});
addEventListener('resize', () => { if (state.view === 'memory') redraw(); });

readAddress();
heading();
draw({ view: state.view, node: state.node, ...(state.search ? { search: state.search } : {}) });
document.documentElement.dataset.ready = `${Math.round(performance.now())}`;  // ms since the page was opened
