import type { ExplainedPart, StepExplanation, StepPhase } from "@anneal/contracts";

/** Sizes in pixels. */
const size = { width: 760, margin: 24, header: 96, row: 56, gap: 14, box: 250, arrow: 7 } as const;
const columns = { forward: size.margin, backward: size.width - size.margin - size.box } as const;
const colours = {
  forward: "#2b6cb0",
  backward: "#b7791f",
  update: "#2f855a",
  line: "#a0aec0",
  text: "#1a202c",
} as const;

/**
 * A step as a picture (SVG): the forward pass runs down on the left, the gradients run up on the right, and a part that has
 * variables is updated once its gradient is known. A box is filled as far as its share of the most expensive one.
 */
export function drawStep(title: string, step: StepExplanation): string {
  const parts = step.parts.filter(({ numNodes }) => numNodes.forward + numNodes.backward > 0);
  const most = Math.max(1, ...parts.flatMap(({ microseconds: { forward, backward } }) => [forward, backward]));
  const height = size.header + parts.length * (size.row + size.gap) + size.margin + 40;
  const boxes = parts.map((part, index) => drawPart(part, index, parts, most));
  const summary = `one step of ${step.batchSize} samples: ${format(step.stepMilliseconds * 1_000)}, ${step.numParameters.toLocaleString("en")} parameters`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${height}" font-family="sans-serif" font-size="13" fill="${colours.text}">`,
    `<rect width="${size.width}" height="${height}" fill="#fff"/>`,
    text(size.margin, 34, title, 'font-size="20" font-weight="bold"'),
    text(size.margin, 56, summary),
    text(columns.forward, size.header - 14, "forward: from the inputs down to the loss", `fill="${colours.forward}"`),
    text(columns.backward, size.header - 14, "backward: gradients, up again", `fill="${colours.backward}"`),
    ...boxes,
    text(
      size.margin,
      height - size.margin,
      "The bar in a box is its measured time. Green: its variables are updated.",
      'fill="#4a5568"',
    ),
    "</svg>",
    "",
  ].join("\n");
}

function drawPart(part: ExplainedPart, index: number, parts: readonly ExplainedPart[], most: number): string {
  const y = size.header + index * (size.row + size.gap);
  const isLast = index === parts.length - 1;
  const lines: string[] = [];
  if (part.numNodes.forward > 0) lines.push(drawBox(part, "forward", y, most));
  if (part.numNodes.backward > 0) lines.push(drawBox(part, "backward", y, most));
  if (!isLast && part.numNodes.forward > 0)
    lines.push(drawArrow(columns.forward + size.box / 2, y + size.row, size.gap));
  const below = parts.slice(index + 1).some(({ numNodes }) => numNodes.backward > 0);
  if (below && part.numNodes.backward > 0) {
    lines.push(drawArrow(columns.backward + size.box / 2, y + size.row + size.gap, -size.gap));
  }
  if (part.numNodes.update > 0) lines.push(drawUpdate(part, y));
  return lines.join("\n");
}

function drawBox(part: ExplainedPart, phase: Exclude<StepPhase, "update">, y: number, most: number): string {
  const x = columns[phase];
  const cost = part.microseconds[phase];
  const share = Math.min(1, cost / most) * size.box;
  const detail = phase === "forward" ? (part.output ?? "") : `${part.numNodes.backward} ops`;
  return [
    `<g><title>${escapeXml(`${part.name}, ${phase}: ${part.numNodes[phase]} ops, ${format(cost)}`)}</title>`,
    `<rect x="${x}" y="${y}" width="${size.box}" height="${size.row}" rx="6" fill="#fff" stroke="${colours[phase]}"/>`,
    `<rect x="${x}" y="${y + size.row - 8}" width="${share.toFixed(1)}" height="8" rx="3" fill="${colours[phase]}" opacity="0.55"/>`,
    text(x + 10, y + 19, shorten(part.name, 24), 'font-weight="bold"'),
    text(x + size.box - 10, y + 19, format(cost), 'text-anchor="end"'),
    text(x + 10, y + 38, shorten(detail, 36), 'font-size="11" fill="#4a5568"'),
    "</g>",
  ].join("\n");
}

function drawUpdate(part: ExplainedPart, y: number): string {
  const [from, to] = [columns.backward, columns.forward + size.box];
  const middle = y + size.row / 2;
  return [
    `<g><title>${escapeXml(`${part.name}, update: ${format(part.microseconds.update)}`)}</title>`,
    `<path d="M${from} ${middle}H${to + size.arrow}" stroke="${colours.update}" fill="none" stroke-dasharray="5 3"/>`,
    `<path d="M${to} ${middle}l${size.arrow} -5v10z" fill="${colours.update}"/>`,
    text(
      (from + to) / 2,
      middle - 6,
      `update ${format(part.microseconds.update)}`,
      `text-anchor="middle" font-size="11" fill="${colours.update}"`,
    ),
    "</g>",
  ].join("\n");
}

/** From (x, y) down by `length`, or up where it is negative. */
function drawArrow(x: number, y: number, length: number): string {
  const tip = y + length;
  const back = Math.sign(length) * size.arrow;
  return `<path d="M${x} ${y}V${tip - back}" stroke="${colours.line}"/><path d="M${x} ${tip}l-5 ${-back}h10z" fill="${colours.line}"/>`;
}

function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${x}" y="${y}" ${attributes}>${escapeXml(content)}</text>`;
}

function format(microseconds: number): string {
  if (microseconds >= 1_000) return `${(microseconds / 1_000).toPrecision(3)} ms`;
  return `${Math.round(microseconds)} µs`;
}

function shorten(content: string, maxLength: number): string {
  return content.length <= maxLength ? content : `${content.slice(0, maxLength - 1)}…`;
}

function escapeXml(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
