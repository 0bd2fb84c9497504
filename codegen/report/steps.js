// What runs, in which order, for how long.

/** A table whose columns {title, number, narrow, value, cell} sort it; `rows` keep their numbers. */
function sortedTable(columns, count, sort, pick) {
  const body = el('tbody'), trs = Array.from({ length: count }, (_, i) => el('tr', { onclick: () => pick(i) },
    ...columns.map(c => el('td', { class: `${c.number ? 'number ' : ''}${c.narrow ? 'narrow ' : ''}${c.class ?? ''}` }, c.cell(i)))));
  const heads = columns.map((c, k) => el('th', { class: `${c.number ? 'number ' : ''}${c.narrow ? 'narrow' : ''}`, scope: 'col' }, el('button', { onclick: () => order(k, sort.column === k ? !sort.down : !!c.number && k > 0) }, c.title)));
  const order = (column, down) => {
    Object.assign(sort, { column, down });
    const { value } = columns[column], numbers = trs.map((_, i) => i);
    numbers.sort((a, b) => { const x = value(a), y = value(b); return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1) || a - b; });
    body.append(...numbers.map(i => trs[i]));
    heads.forEach((th, k) => th.setAttribute('aria-sort', k !== column ? 'none' : down ? 'descending' : 'ascending'));
    heads.forEach((th, k) => { th.firstChild.textContent = columns[k].title + (k !== column ? '' : down ? ' ▾' : ' ▴'); });
  };
  order(sort.column, sort.down);
  return { table: el('table', { class: 'list' }, el('thead', {}, el('tr', {}, ...heads)), body), trs };
}

/** How the time, or without it the operations, divide among the kinds of operators. */
function shares() {
  const weight = step => timed ? step.seconds : step.operations;
  const sums = new Map();
  for (const step of data.steps) sums.set(kindOfStep(step), (sums.get(kindOfStep(step)) ?? 0) + weight(step));
  const all = [...sums.values()].reduce((a, b) => a + b, 0), sorted = [...sums].filter(([, sum]) => sum > 0).sort((a, b) => b[1] - a[1]);
  if (!all) return [];
  return [el('h2', {}, timed ? 'Time by kind of operator' : 'Operations by kind of operator'),
    el('div', { class: 'shares' }, ...sorted.map(([kind, sum]) => el('i', { style: `${colour(kind)}; flex: ${sum / all}`, title: `${kind} ${percent(sum / all)}` }))),
    el('div', { class: 'keys' }, ...sorted.map(([kind, sum]) => el('span', { style: colour(kind) }, el('span', { class: 'chip' }), `${kind} ${percent(sum / all)}`,
      el('span', { class: 'soft' }, timed ? `  ${timeText(sum)}` : `  ${countText(sum)}FLOP`))))];
}

const stepSort = timed ? { column: 2, down: true } : { column: 0, down: false };

function stepsView(pick) {
  const slowestStep = Math.max(1e-12, ...data.steps.map(s => s.seconds ?? 0));
  const at = i => data.steps[i];
  const columns = [
    { title: 'step', number: true, value: i => i, cell: i => i },
    { title: 'computes', value: nameOfStep, cell: i => el('span', { style: colour(kindOfStep(at(i))) }, el('span', { class: 'chip' }),
      el('b', {}, labelOfStep(at(i))), el('span', { class: 'soft small' }, `  ${nameOfStep(at(i))}`)) },
    ...(timed ? [
      { title: 'time', number: true, value: i => at(i).seconds, cell: i => timeText(at(i).seconds) },
      { title: 'share', number: true, class: 'wide', value: i => at(i).seconds, cell: i => el('div', { class: 'meter', style: colour(kindOfStep(at(i))), title: percent(at(i).seconds / allSeconds) }, el('i', { style: `width: ${100 * at(i).seconds / slowestStep}%` })) },
      { title: '%', number: true, value: i => at(i).seconds, cell: i => (100 * at(i).seconds / allSeconds).toFixed(1) },
      { title: 'GFLOP/s', number: true, narrow: true, value: i => at(i).operations / at(i).seconds, cell: i => at(i).operations ? (at(i).operations / at(i).seconds / 1e9).toPrecision(3) : '–' },
    ] : [{ title: 'FLOP', number: true, value: i => at(i).operations, cell: i => at(i).operations ? countText(at(i).operations) : '–' }]),
    { title: 'touches', number: true, narrow: true, value: i => at(i).bytes, cell: i => bytesText(at(i).bytes) },
    { title: 'schedule', class: 'schedule', narrow: true, value: i => at(i).schedule + at(i).kind, cell: i => at(i).schedule || at(i).kind },
  ];
  const { table, trs } = sortedTable(columns, data.steps.length, stepSort, pick);
  return { element: el('div', { class: 'page' }, ...shares(), table), trs };
}
