// Constants of the model, the largest first.

const shownWeights = 250;
let allWeights = false;

function weightsView(redraw) {
  const all = data.weights.reduce((sum, w) => sum + w.bytes, 0), most = Math.max(1, ...data.weights.map(w => w.bytes));
  const shown = allWeights ? data.weights : data.weights.slice(0, shownWeights), hidden = data.weights.slice(shown.length);
  const trs = shown.map(w => {
    const user = w.users[0], node = data.before.nodes[user];
    return el('tr', { onclick: () => { if (node) go({ view: 'graph', graph: 'before', node: user }); } },
      el('td', { class: 'mono' }, w.name || '(no name)'), el('td', { class: 'small' }, typeText(w.type)),
      el('td', { class: 'number' }, bytesText(w.bytes)),
      el('td', { class: 'wide' }, el('div', { class: 'meter', style: colour(node ? kindOf(node) : 'other') }, el('i', { style: `width: ${100 * w.bytes / most}%` }))),
      el('td', { class: 'number' }, all ? (100 * w.bytes / all).toFixed(1) : '–'),
      el('td', { class: 'small narrow' }, node ? `${labelOf(node)} ${node.name}` : '', w.users.length > 1 ? el('span', { class: 'soft' }, ` and ${w.users.length - 1} more`) : null));
  });
  const head = ['weight', 'type', 'bytes', '', '%', 'used by'].map((title, i) => el('th', { class: `plain${i === 2 || i === 4 ? ' number' : ''}${i === 5 ? ' narrow' : ''}`, scope: 'col' }, title));
  const more = hidden.length ? el('p', {}, el('button', { onclick: () => { allWeights = true; redraw(); } },
    `Show ${plural(hidden.length, 'more')}, ${bytesText(hidden.reduce((sum, w) => sum + w.bytes, 0))} together`)) : null;
  const element = el('div', { class: 'page' },
    el('div', { class: 'caption' }, el('h2', { style: 'margin: 0' }, `${plural(data.weights.length, 'constant')}: ${bytesText(all)}`),
      el('span', { class: 'soft' }, `packed for this target: ${bytesText(data.packed_bytes)} in ${plural(data.packed_blocks, 'block')}`)),
    el('table', { class: 'list' }, el('thead', {}, el('tr', {}, ...head)), el('tbody', {}, ...trs)), more);
  return { element, trs };
}
