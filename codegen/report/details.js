// The panel at the side: all that is known of a node, or of a tensor of the arena.

const details = byId('details');
const section = (title, ...children) => children.length ? [el('h3', {}, title), ...children] : [];
const rows = pairs => el('table', {}, ...pairs.filter(([, value]) => value !== undefined && value !== null && value !== '')
  .map(([name, value]) => el('tr', {}, el('td', {}, name), el('td', {}, value))));
const link = (text, go) => el('button', { class: 'link', onclick: go }, text || '(no name)');
const nodeLink = (which, n) => {
  const node = data[which].nodes[n];
  return el('div', { class: 'row', style: colour(kindOf(node)) }, el('span', { class: 'chip' }), link(`${labelOf(node)} ${node.kind === 'node' ? node.name : ''}`, () => go({ view: 'graph', graph: which, node: n })));
};

function openDetails(title, subtitle, kind, ...children) {
  details.replaceChildren(
    el('button', { class: 'close', title: 'Close (Esc)', 'aria-label': 'Close', onclick: () => go({ node: null, tensor: null }) }, '×'),
    el('h2', { style: colour(kind) }, el('span', { class: 'chip' }), title), el('p', { class: 'name mono' }, subtitle), ...children.flat());
  details.hidden = false;
  details.scrollTop = 0;
}

function valueCard(which, v, mates, direction) {
  if (v < 0) return el('div', { class: 'card soft small' }, 'omitted');
  const value = data[which].values[v];
  return el('div', { class: 'card' },
    el('p', { class: 'mono' }, value.name || '(no name)'),
    el('p', { class: 'small' }, typeText(value.type), el('span', { class: 'soft' }, value.bytes === null ? '' : `  ${bytesText(value.bytes)}`)),
    value.constant !== undefined ? el('p', { class: 'small soft' }, `constant ${value.constant ? `{${value.constant}}` : ''}`) : null,
    ...mates.filter(line => line.value === v).map(line => el('div', { class: 'small' }, nodeLink(which, line[direction]))));
}

function tensorCard(memory, t) {
  const tensor = data.memories[memory].tensors[t];
  return el('div', { class: 'card small' }, link(tensor.name, () => go({ view: 'memory', tensor: [memory, t] })),
    el('p', { class: 'soft' }, `${bytesText(tensor.bytes)} at ${tensor.offset.toLocaleString('en')} of ${data.memories[memory].name}, steps ${tensor.first}–${tensor.last}`));
}

function stepCard(s) {
  const step = data.steps[s];
  const kernels = step.kernels.map(k => `${k.name} ×${k.calls.toLocaleString('en')}`).join(', ');
  return el('div', { class: 'card small', style: colour(kindOfStep(step)) },
    link(`step ${s}: ${step.schedule || step.kind}`, () => go({ view: 'steps', step: s })),
    step.seconds === null ? null : el('p', {}, `${timeText(step.seconds)}, ${percent(step.seconds / allSeconds)} of the time`),
    step.seconds === null ? null : el('div', { class: 'meter' }, el('i', { style: `width: ${100 * step.seconds / allSeconds}%` })),
    rows([
      ['FLOP', step.operations ? countText(step.operations) : null],
      ['GFLOP/s', step.operations && step.seconds ? (step.operations / step.seconds / 1e9).toPrecision(3) : null],
      ['touches', bytesText(step.bytes)],
      ['weights', step.weights ? bytesText(step.weights) : null],
      ['kernels', kernels || null],
      ['runs as', step.kind === 'kernel' ? null : step.kind],
      ['computes', step.nodes.length > 1 ? `${step.nodes.length} nodes` : null],
    ]));
}

function showNode(which, n) {
  const graph = data[which], node = graph.nodes[n];
  const into = graph.lines.filter(line => line.to === n), out = graph.lines.filter(line => line.from === n);
  const steps = which === 'after' ? stepsOf[n] : [];
  const tensors = steps.flatMap(s => data.steps[s].tensors.flatMap((list, memory) => list.map(t => [memory, t])));
  const unique = [...new Map(tensors.map(t => [t.join(), t])).values()];
  openDetails(labelOf(node), node.kind === 'node' ? node.name : node.kind, kindOf(node),
    node.kind === 'node' ? el('p', { class: 'small soft' }, `${node.domain || 'ai.onnx'}, version ${node.version}`) : [],
    section('After fusion', ...(node.folded ? [el('p', { class: 'small' }, 'a constant: computed once, before any run')] : node.becomes !== undefined ? [nodeLink('after', node.becomes)] : [])),
    section('Steps', ...steps.map(stepCard)),
    section('Made of', ...(which === 'after' ? madeOf[n].map(b => nodeLink('before', b)) : [])),
    section('Attributes', ...(Object.keys(node.attributes ?? {}).length ? [rows(Object.entries(node.attributes))] : [])),
    section('Inputs', ...node.inputs.map(v => valueCard(which, v, into, 'from'))),
    section('Outputs', ...node.outputs.map(v => valueCard(which, v, out, 'to'))),
    section('Memory', ...unique.map(([memory, t]) => tensorCard(memory, t))));
}

function showTensor(memory, t) {
  const tensor = data.memories[memory].tensors[t];
  const users = data.steps.map((step, s) => [step, s]).filter(([step]) => step.tensors[memory].includes(t));
  openDetails('Tensor', tensor.name, users.length ? kindOfStep(users[0][0]) : 'other',
    section('Place', rows([
      ['bytes', `${tensor.bytes.toLocaleString('en')} (${bytesText(tensor.bytes)})`],
      ['offset', tensor.offset.toLocaleString('en')],
      ['end', (tensor.offset + tensor.bytes).toLocaleString('en')],
      ['lives in', `steps ${tensor.first} to ${tensor.last}`]])),
    section('Touched by', ...users.map(([step, s]) => el('div', { class: 'small' }, ...(step.nodes.length ? [nodeLink('after', ownerOf(step))] : []),
      el('span', { class: 'soft' }, `step ${s}: ${step.schedule || step.kind}`)))));
}
