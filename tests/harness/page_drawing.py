# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws a page that a Browser shows as SVG: the picture in the documents, as text.

Nothing is invented: each text, line and area is where the browser has laid it out, in the colour that it has computed. The few things
that the browser paints without an element, such as the arrow of a list, are drawn by hand."""

_DRAW = r"""(() => {
const out = [], escaped = text => text.replace(/[&<>"]/g, sign => ({'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;'}[sign]));
const short = number => String(Math.round(number * 10) / 10);
const measure = document.createElement('canvas').getContext('2d');
const clear = colour => /^rgba\(.*, 0\)$/.test(colour);
const seen = node => node.checkVisibility({visibilityProperty: true}) && !node.closest('.unseen, script, style, option');
const rect = (x, y, width, height, colour, round = 0) => clear(colour) || width <= 0 || height <= 0
  || out.push(`<rect x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}" fill="${colour}"${round ? ` rx="${round}"` : ''}/>`);

// The baseline is as far below the top of the line's box as the font rises above it.
function text(words, x, top, style, width) {
  measure.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  const y = top + measure.measureText('x').fontBoundingBoxAscent;
  const weight = style.fontWeight === '400' ? '' : ` font-weight="${style.fontWeight}"`;
  const family = style.fontFamily.includes('monospace') ? ' font-family="ui-monospace, monospace"' : '';
  out.push(`<text x="${short(x)}" y="${short(y)}" font-size="${parseFloat(style.fontSize)}"${weight}${family} fill="${style.color}"`
    + `${width ? ` textLength="${short(width)}" lengthAdjust="spacingAndGlyphs"` : ''}>${escaped(words)}</text>`);
}

function lines(node) {
  const style = getComputedStyle(node.parentElement), range = document.createRange(), box = node.parentElement.getBoundingClientRect();
  const cut = style.textOverflow === 'ellipsis' && node.parentElement.scrollWidth > node.parentElement.clientWidth;
  let line = null;
  const flush = () => { if (line?.words.trim()) text(line.words.trimEnd(), line.left, line.top, style, cut ? 0 : line.right - line.left); };
  for (let place = 0; place < node.length; ++place) {
    range.setStart(node, place);
    range.setEnd(node, place + 1);
    const at = range.getClientRects()[0];
    if (!at || (at.width === 0 && !node.data[place].trim())) continue;
    if (cut && at.right > box.right - parseFloat(style.paddingRight) - 8) {
      if (line && !line.words.endsWith('…')) line.words += '…';
      continue;
    }
    if (!line || Math.abs(at.top - line.top) > 2) { flush(); line = {words: '', left: at.left, top: at.top}; }
    line.words += node.data[place];
    if (node.data[place].trim()) line.right = at.right;
  }
  flush();
}

function element(node) {
  const style = getComputedStyle(node), box = node.getBoundingClientRect();
  const edges = ['Top', 'Right', 'Bottom', 'Left'].map(side => style[`border${side}Style`] === 'none' ? 0 : parseFloat(style[`border${side}Width`]));
  if (edges.every(edge => edge === 1) && style.borderTopColor === style.borderLeftColor)
    out.push(`<rect x="${short(box.x + .5)}" y="${short(box.y + .5)}" width="${short(box.width - 1)}" height="${short(box.height - 1)}" rx="3" `
      + `fill="${clear(style.backgroundColor) ? 'none' : style.backgroundColor}" stroke="${style.borderTopColor}"/>`);
  else {
    rect(box.x, box.y, box.width, box.height, style.backgroundColor);
    rect(box.x, box.y, box.width, edges[0], style.borderTopColor);
    rect(box.right - edges[1], box.y, edges[1], box.height, style.borderRightColor);
    rect(box.x, box.bottom - edges[2], box.width, edges[2], style.borderBottomColor);
    rect(box.x, box.y, edges[3], box.height, style.borderLeftColor);
  }
  const middle = box.y + (box.height - parseFloat(style.fontSize) * 1.2) / 2;
  if (node.matches('input')) text(node.value || node.placeholder, box.x + 9, middle, node.value ? style : getComputedStyle(node, '::placeholder'));
  if (node.matches('select')) {
    text(node.selectedOptions[0].textContent, box.x + 9, middle, style);
    out.push(`<path d="M${short(box.right - 18)},${short(box.y + 12)}l4,4l4,-4" fill="none" stroke="${style.color}" stroke-width="1.5"/>`);
  }
  const after = getComputedStyle(node, '::after');
  if (!['none', 'normal'].includes(after.content)) text(after.content.slice(1, -1).trim(), box.right - 9, box.y, after);
}

function chart(svg) {
  const box = svg.getBoundingClientRect(), [, , width, height] = svg.getAttribute('viewBox').split(' ');
  out.push(`<g transform="translate(${short(box.x)},${short(box.y)}) scale(${box.width / width},${box.height / height})">`);
  for (const node of svg.children) {
    const style = getComputedStyle(node);
    if (style.visibility === 'hidden') continue;
    const shape = ['d', 'x1', 'x2', 'y1', 'y2'].filter(name => node.hasAttribute(name)).map(name => `${name}="${node.getAttribute(name)}"`).join(' ');
    out.push(`<${node.localName} ${shape} fill="${style.fill}" stroke="${style.stroke}" stroke-width="${parseFloat(style.strokeWidth)}" vector-effect="non-scaling-stroke"/>`);
  }
  out.push('</g>');
}

const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
for (let node = document.body; node; node = walker.nextNode()) {
  if (node.nodeType === 3) {
    if (node.data.trim() && seen(node.parentElement)) lines(node);
  } else if (seen(node) && !node.parentElement.closest('svg')) {
    element(node);
    if (node.localName === 'svg') chart(node);
  }
}
const root = document.documentElement, ground = getComputedStyle(document.body);
return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${root.clientWidth} ${root.scrollHeight}" font-family="system-ui, sans-serif" role="img">\n`
  + `<title>${escaped(document.title)}</title>\n<rect width="100%" height="100%" fill="${ground.backgroundColor}"/>\n${out.join('\n')}\n</svg>\n`;
})()"""


def draw(page, path, width, scheme):
    """Writes the whole page as SVG."""
    page.look(width, 900, scheme)
    page.js("scrollTo(0, 0)")
    first, rest = page.js(_DRAW).split("\n", 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{first}\n<!-- SPDX-License-Identifier: GPL-3.0-or-later -->\n{rest}")
