# SPDX-License-Identifier: GPL-3.0-or-later
"""Audits of a page in a Browser: contrast, names of controls, the keyboard. Each returns what is wrong, as a list of words.

The limits are those of WCAG 2.2 AA: 4.5 to 1 for text (also for large text, which may have less), 3 to 1 for the edges of controls,
the lines of charts and the focus."""

# Colours as the browser computes them. What is under an element is the nearest opaque background, with the translucent ones above.
_COLOURS = r"""
const parse = text => {
  const numbers = text.match(/[\d.]+/g).map(Number);
  if (/^rgba?\(/.test(text)) return [...numbers.slice(0, 3), numbers[3] ?? 1];
  if (/^color\(srgb /.test(text)) return [...numbers.slice(0, 3).map(part => part * 255), numbers[3] ?? 1];
  throw new Error('a colour that the audit does not know: ' + text);
};
const over = (top, below) => [0, 1, 2].map(part => top[part] * top[3] + below[part] * (1 - top[3])).concat(1);
const groundOf = node => {
  const layers = [];
  for (let at = node; at; at = at.parentElement) {
    const colour = parse(getComputedStyle(at).backgroundColor);
    layers.push(colour);
    if (colour[3] === 1) break;
  }
  if (layers.at(-1)[3] !== 1) throw new Error('nothing opaque is under ' + node.outerHTML);
  return layers.reduceRight((below, top) => over(top, below));
};
const luminance = colour => colour.slice(0, 3).map(part => part / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
  .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
const ratio = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
const visible = node => node.checkVisibility({visibilityProperty: true}) && node.getClientRects().length > 0;
// A question is behind the other dialog in the document, and above it on the screen.
const top = [...document.querySelectorAll('dialog[open]:modal')].at(-1) || document.body;
"""

_CONTRAST = "(() => {" + _COLOURS + r"""
const found = [];
let seen = 0, lowest = 99;
const judge = (colour, ground, least, words) => {
  const value = ratio(over(colour, ground), ground);
  ++seen;
  lowest = Math.min(lowest, least === 4.5 ? value : 99);
  if (value < least) found.push(`${value.toFixed(2)} instead of ${least}: ${words}`);
};
const walker = document.createTreeWalker(top, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || node.closest('script, style') || !visible(node)) continue;
  judge(parse(getComputedStyle(node).color), groundOf(node), 4.5, `"${walker.currentNode.data.trim().slice(0, 40)}" in <${node.localName} class="${node.className}">`);
}
for (const node of top.querySelectorAll('*')) {
  if (!visible(node)) continue;
  for (const pseudo of ['::before', '::after']) {
    const style = getComputedStyle(node, pseudo);
    if (!['none', 'normal', '""'].includes(style.content)) judge(parse(style.color), groundOf(node), 4.5, `${pseudo} of <${node.localName}>`);
  }
  if (node.placeholder) judge(parse(getComputedStyle(node, '::placeholder').color), groundOf(node), 4.5, `the placeholder of #${node.id}`);
  if (node.matches('button:not(.plain), input, select') && !node.matches('.danger'))
    judge(parse(getComputedStyle(node).borderTopColor), groundOf(node.parentElement), 3, `the edge of #${node.id}`);
  if (node.matches('figure path:not(.area), figure li path'))
    judge(parse(getComputedStyle(node).stroke), groundOf(node.closest('figure')), 3, `a line of class ${node.getAttribute('class')}`);
}
return {found: [...new Set(found)], seen, lowest};
})()"""

_TABBABLE = "(() => {" + _COLOURS + r"""
window.audit = [...top.querySelectorAll('a[href], button, input, select, [tabindex="0"]')].filter(visible);
return window.audit.map(node => node.getAttribute('aria-label') || node.id || node.textContent || node.localName);
})()"""

_FOCUS = "(() => {" + _COLOURS + r"""
const node = document.activeElement, style = getComputedStyle(node);
return {place: window.audit.indexOf(node), shown: node.matches(':focus-visible') && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
  ratio: style.outlineStyle === 'none' ? 0 : ratio(parse(style.outlineColor), groundOf(node.parentElement || node))};
})()"""

CONTROLS = {"button", "textbox", "searchbox", "combobox", "link", "checkbox", "radio", "listbox", "menuitem", "slider", "spinbutton", "PopUpButton"}
NEED_NAMES = CONTROLS | {"image", "table", "dialog", "region", "search", "navigation", "form", "img"}


def contrast(page):
    """(what has too little contrast, how many things were judged, the lowest contrast of a text)."""
    result = page.js(_CONTRAST)
    return result["found"], result["seen"], result["lowest"]


def nameless(page):
    """(what has no accessible name, how many controls there are)."""
    nodes = page.names()
    return [f"a {role} without a name" for role, name, _ in nodes if role in NEED_NAMES and not name.strip()], \
        sum(role in CONTROLS for role, _, _ in nodes)


def keyboard(page):
    """Walks once around the page by the Tab key: (what is wrong, how many controls were reached)."""
    wrong, reached = [], []
    wanted = page.js(_TABBABLE)
    for _ in range(2 * len(wanted) + 3):
        page.key("Tab")
        focus = page.js(_FOCUS)
        if focus["place"] < 0:  # the document itself, between the last control and the first
            continue
        if reached and focus["place"] == reached[0]:
            break
        reached.append(focus["place"])
        if not focus["shown"] or focus["ratio"] < 3:
            wrong.append(f"the focus on {wanted[focus['place']]} cannot be seen: {focus}")
    missed = [wanted[place] for place in range(len(wanted)) if place not in reached]
    if missed:
        wrong.append(f"Tab does not reach {missed}")
    if reached != sorted(reached, key=lambda place: (place - reached[0]) % len(wanted)):
        wrong.append(f"Tab jumps: {[wanted[place] for place in reached]}")
    return wrong, len(reached)
