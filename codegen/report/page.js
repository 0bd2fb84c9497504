'use strict';
// What all views use: the data, elements, units, and what is selected and searched for.

window.addEventListener('error', e => { document.documentElement.dataset.error = e.message; });
const data = JSON.parse(document.getElementById('data').textContent);
const byId = id => document.getElementById(id);

/** An element with properties (style, class, data and aria attributes by name) and children. */
function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}
function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}
function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter(c => c !== null && c !== undefined));
  return element;
}

const scaled = (value, base, units) => {
  let i = 0;
  while (Math.abs(value) >= base && i + 1 < units.length) value /= base, ++i;
  const digits = i === 0 && Number.isInteger(value) ? value : value >= 99.95 ? value.toFixed(0) : value.toPrecision(3);
  return `${digits} ${units[i]}`.trim();
};
const bytesText = n => n === null || n === undefined ? '–' : scaled(n, 1000, ['B', 'KB', 'MB', 'GB', 'TB']);
const countText = n => scaled(n, 1000, ['', 'K', 'M', 'G', 'T']);
const timeText = s => s === null ? '–' : s < 1e-3 ? `${(1e6 * s).toPrecision(3)} µs` : s < 1 ? `${(1e3 * s).toPrecision(3)} ms` : `${s.toPrecision(3)} s`;
const percent = part => `${(100 * part).toFixed(1)} %`;
const plural = (n, what) => `${n.toLocaleString('en')} ${what}${n === 1 ? '' : 's'}`;
const typeText = type => type.replace(/(\d)x(?=\d)/g, '$1×');

const kinds = [
  ['quantization', /quantize/i], ['attention', /attention|rotary/i], ['convolution', /conv/i],
  ['product', /gemm|matmul|einsum/i], ['recurrent', /^(lstm|gru|rnn)$/i], ['control', /^(if|loop|scan)$|sequence|optional/i],
  ['normalization', /normalization|^lrn$/i], ['reduction', /pool|^reduce|^arg|^topk$|^cumsum$|^nonmaxs/i],
  ['movement', /reshape|transpose|concat|split|slice|gather|scatter|squeeze|flatten|expand|^pad$|tile|shape$|identity|constant|resize|spacetodepth|depthtospace|range|shuffle|^cast|size$/i],
  ['activation', /relu|sigmoid|tanh|elu$|softmax|clip|erf|swish|mish|softplus|softsign/i],
  ['elementwise', /^(add|sub|mul|div|pow|sqrt|exp|log|neg|abs|min|max|mean|sum|where|equal|not|and|or|xor|less|greater|reciprocal|floor|ceil|round|sign|sin|cos|mod|elementwise)/i],
];
const kindOf = node => node.kind !== 'node' ? 'port' : (kinds.find(([, ops]) => ops.test(node.op)) ?? ['other'])[0];
const colour = kind => `--c: var(--${kind})`;
const labelOf = node => node.kind !== 'node' ? node.name : (node.domain && node.domain !== 'ai.onnx' ? `${node.domain}:` : '') + node.op;

/** The steps of each node of the graph after rewrites, their time, and the nodes before of which each was made. */
const stepsOf = data.after.nodes.map(() => []);
data.steps.forEach((step, i) => step.nodes.forEach(n => stepsOf[n].push(i)));
const madeOf = data.after.nodes.map(() => []);
data.before.nodes.forEach((node, i) => { if (node.becomes !== undefined) madeOf[node.becomes].push(i); });
const timed = data.measured !== null;
const allSeconds = data.steps.reduce((sum, s) => sum + (s.seconds ?? 0), 0);
/** A step of several nodes counts for the last of them; its schedule names it. */
const ownerOf = step => step.nodes.at(-1);
const secondsOf = n => stepsOf[n].reduce((sum, s) => sum + (ownerOf(data.steps[s]) === n ? data.steps[s].seconds : 0), 0);
const kindOfStep = step => (step.nodes.length > 1 && kinds.find(([, ops]) => ops.test(step.schedule))?.[0]) || (step.nodes.length ? kindOf(data.after.nodes[ownerOf(step)]) : 'movement');
const labelOfStep = step => step.nodes.length === 1 ? labelOf(data.after.nodes[step.nodes[0]]) : step.schedule || '(layout)';
const nameOfStep = step => step.nodes.map(n => data.after.nodes[n].name || data.after.nodes[n].op).join(', ');

const tip = byId('tip');
function showTip(event, title, ...lines) {
  tip.replaceChildren(el('b', {}, title), ...lines.map(text => el('div', {}, text)));
  tip.hidden = false;
  const x = event.clientX + 14, y = event.clientY + 14;
  tip.style.left = `${Math.max(4, Math.min(x, innerWidth - tip.offsetWidth - 6))}px`;
  tip.style.top = `${y + tip.offsetHeight > innerHeight ? Math.max(4, event.clientY - tip.offsetHeight - 10) : y}px`;
}
const hideTip = () => { tip.hidden = true; };
