// The cells of a notebook as slides, in JupyterLab itself: they stay the cells that they are, only which of them one
// sees changes. So code runs on the slide, widgets move, and nothing is lost by leaving. Written as JupyterLab loads it,
// without a build: a module-federation container with one plugin. `autograder present` brings it along; no other
// JupyterLab ever sees it.
(() => {
  const NAME = 'learning-to-recommend-slides';
  const style = new URL('slides.css', document.currentScript.src);
  const EDITED = '.cm-editor, input, textarea, select, [contenteditable="true"]';
  // what gives way on a full slide, by steps: the height of a picture and of a box of code, as shares of the window
  const ROOM = [[62, 90], [54, 42], [46, 32], [40, 24], [33, 18]];
  // the first of these leave a picture that can be read from the last row
  const READABLE = 3;
  // what stays free for the bar if it can, in pixels
  const BAR = 36;
  const MOVED = new Set(['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End']);

  /** The slides of a notebook: each a list of steps, each step a list of cells. */
  function slidesOf(notebook) {
    const slides = [];
    for (const cell of notebook.widgets) {
      const kind = kindOf(cell);
      if (kind === 'skip' || kind === 'notes') continue;
      if (kind === 'slide' || kind === 'subslide' || !slides.length) slides.push([[cell]]);
      else if (kind === 'fragment') slides.at(-1).push([cell]);
      // a cell that says nothing goes with the one before it, as one that is added while presenting
      else slides.at(-1).at(-1).push(cell);
    }
    return slides;
  }

  const kindOf = cell => (cell.model.getMetadata('slideshow') || {}).slide_type;

  class Deck {
    constructor(app, panel, NotebookActions) {
      Object.assign(this, { app, panel, NotebookActions, notebook: panel.content, on: false, slide: 0, step: 0 });
      this.bar = this.makeBar();
      this.onKey = this.onKey.bind(this);
      this.onCells = () => this.on && this.render();
      this.sizes = new ResizeObserver(() => this.on && this.fit());
      panel.disposed.connect(() => this.leave());
    }

    // In and out

    enter() {
      if (this.on) return;
      this.on = true;
      this.hidden = [...chromeOf(this.app.shell), this.panel.toolbar].filter(widget => widget.isVisible);
      this.hidden.forEach(widget => widget.hide());
      this.config = this.notebook.notebookConfig;
      // cells that one has not scrolled to would not be in the page
      if (this.config.windowingMode === 'full') this.notebook.notebookConfig = { ...this.config, windowingMode: 'defer' };
      document.body.classList.add('ltr-presenting');
      document.body.append(this.bar);
      window.addEventListener('keydown', this.onKey, true);
      this.notebook.model.cells.changed.connect(this.onCells);
      const active = this.notebook.activeCell;
      const slides = slidesOf(this.notebook);
      this.slide = Math.max(0, slides.findIndex(steps => steps.flat().includes(active)));
      this.step = Math.max(0, slides[this.slide].findIndex(cells => cells.includes(active)));
      this.arrive();
    }

    leave() {
      if (!this.on) return;
      this.on = false;
      this.sizes.disconnect();
      window.removeEventListener('keydown', this.onKey, true);
      this.bar.remove();
      document.body.classList.remove('ltr-presenting');
      this.hidden.filter(widget => !widget.isDisposed).forEach(widget => widget.show());
      if (this.panel.isDisposed) return;
      this.notebook.model.cells.changed.disconnect(this.onCells);
      this.notebook.widgets.forEach(cell => cell.node.classList.remove('ltr-away'));
      this.notebook.notebookConfig = this.config;
      this.notebook.activate();
      this.notebook.scrollToItem(this.notebook.activeCellIndex);
    }

    toggle() {
      this.on ? this.leave() : this.enter();
    }

    // From slide to slide

    next() {
      const slides = slidesOf(this.notebook);
      if (this.step + 1 < slides[this.slide].length) {
        this.step += 1;
        this.arrive(false);
      } else if (this.slide + 1 < slides.length) {
        this.go(this.slide + 1, 0);
      }
    }

    previous() {
      if (this.step > 0) {
        this.step -= 1;
        this.arrive(false);
      } else if (this.slide > 0) {
        this.go(this.slide - 1, Infinity);
      }
    }

    go(slide, step) {
      Object.assign(this, { slide, step });
      this.arrive();
    }

    /** Show where we are, run what had to run before it, and make the code that has just come the active cell. */
    arrive(anew = true) {
      const steps = this.render();
      const shown = steps.slice(0, this.step + 1);
      const come = anew ? shown.flat() : shown.at(-1);
      const active = come.find(cell => cell.model.type === 'code') || come[0];
      this.activate(active);
      if (anew) this.scroller().scrollTop = 0;
      else shown.at(-1)[0].node.scrollIntoView({ block: 'nearest' });
      this.run(this.before(steps[0][0]).filter(cell => kindOf(cell) === 'skip'));
    }

    render() {
      const slides = slidesOf(this.notebook);
      this.slide = Math.min(this.slide, slides.length - 1);
      const steps = slides[this.slide];
      this.step = Math.min(this.step, steps.length - 1);
      this.shown = steps.slice(0, this.step + 1);
      const seen = new Set(this.shown.flat());
      this.sizes.disconnect();
      for (const cell of this.notebook.widgets) {
        cell.node.classList.toggle('ltr-away', !seen.has(cell));
        if (seen.has(cell)) this.sizes.observe(cell.node);
      }
      this.fit();
      const title = this.panel.node.querySelector('.jp-Cell:not(.ltr-away) :is(h1, h2, h3)');
      this.place.textContent = `${this.slide + 1} / ${slides.length}`;
      this.said.textContent = `Slide ${this.slide + 1} of ${slides.length}: ${title ? title.innerText.replace('¶', '') : ''}`;
      return steps;
    }

    /**
     * Let boxes of code, pictures and what came first give way until the slide fits; letters stay as they are. A picture
     * that can still be read and the step before the last go last.
     */
    fit() {
      const shown = this.shown || [];
      const early = Math.max(1, shown.length - 1);
      for (const spare of [BAR, 0]) {
        if (this.fits(shown, 0, early, ROOM.slice(0, READABLE), spare)) return;
        if (this.fits(shown, 0, early, ROOM.slice(READABLE), spare)) return;
        if (this.fits(shown, early, shown.length, ROOM, spare)) return;
      }
    }

    /** Whether it fits once so many of the first steps have gone, the fewest first, with one of these rooms. */
    fits(shown, from, to, rooms, spare) {
      for (let gone = from; gone < to; gone += 1) {
        shown.forEach((step, place) => step.forEach(cell => cell.node.classList.toggle('ltr-away', place < gone)));
        for (const [picture, code] of rooms) {
          document.body.style.setProperty('--ltr-picture', `${picture}vh`);
          document.body.style.setProperty('--ltr-code', `${code}vh`);
          if (this.below(shown) <= -spare) return true;
        }
      }
      return false;
    }

    /** How far what one sees reaches below the screen, in pixels. */
    below(shown) {
      const ends = shown.flat().map(cell => cell.node.getBoundingClientRect().bottom);
      return Math.max(0, ...ends) + this.scroller().scrollTop - window.innerHeight;
    }

    activate(cell) {
      this.notebook.activeCellIndex = this.notebook.widgets.indexOf(cell);
      this.notebook.deselectAll();
      this.notebook.mode = 'command';
      this.notebook.activate();
    }

    /** The next or the previous of the cells that one sees. */
    select(by) {
      const seen = this.notebook.widgets.filter(cell => !cell.node.classList.contains('ltr-away'));
      const cell = seen[seen.indexOf(this.notebook.activeCell) + by];
      if (!cell) return;
      this.activate(cell);
      cell.node.scrollIntoView({ block: 'nearest' });
    }

    // What runs

    before(cell) {
      return this.notebook.widgets.slice(0, this.notebook.widgets.indexOf(cell));
    }

    /** Run those of the cells that are code and have not run yet, in order. */
    run(cells) {
      const waiting = cells.filter(cell => cell.model.type === 'code' && cell.model.executionCount === null && !cell.model.isRunning);
      const session = this.panel.sessionContext;
      if (waiting.length) session.ready.then(() => this.NotebookActions.runCells(this.notebook, waiting, session));
    }

    runToHere() {
      this.run(this.before(slidesOf(this.notebook)[this.slide][0][0]));
      this.notebook.activate();
    }

    // Keys and the bar

    onKey(event) {
      const at = event.target instanceof Element ? event.target : document.body;
      if (this.app.shell.currentWidget !== this.panel || document.querySelector('.jp-Dialog, .lm-Menu')) return;
      const act = this.meaning(event, at);
      if (!act) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      act();
    }

    meaning({ key, shiftKey, ctrlKey, altKey, metaKey }, at) {
      if (key === 'Enter' && shiftKey && !ctrlKey && !altKey && !metaKey) {
        // as Ctrl + Enter: what it prints is what one came for
        return () => this.app.commands.execute('notebook:run-cell');
      }
      if (ctrlKey || altKey || metaKey || at.closest(EDITED)) return null;
      if (at.closest('[role=slider]') && MOVED.has(key)) return null;
      if (at.closest('button, a, summary') && (key === ' ' || key === 'Enter')) return null;
      switch (key) {
        case ' ':
          return () => (shiftKey ? this.previous() : this.next());
        case 'ArrowRight':
        case 'PageDown':
          return () => this.next();
        case 'ArrowLeft':
        case 'PageUp':
          return () => this.previous();
        case 'ArrowDown':
          return () => this.select(1);
        case 'ArrowUp':
          return () => this.select(-1);
        case 'Home':
          return () => this.go(0, 0);
        case 'End':
          return () => this.go(slidesOf(this.notebook).length - 1, 0);
        case 'Escape':
          return at.closest('[role=slider]') ? () => this.notebook.activate() : null;
        default:
          return null;
      }
    }

    makeBar() {
      const bar = Object.assign(document.createElement('nav'), { className: 'ltr-bar', ariaLabel: 'Slides' });
      const button = (sign, label, act) => {
        const made = Object.assign(document.createElement('button'), { textContent: sign, title: label, ariaLabel: label });
        made.addEventListener('click', act);
        return made;
      };
      this.place = Object.assign(document.createElement('span'), { className: 'ltr-place' });
      this.said = Object.assign(document.createElement('span'), { className: 'ltr-said', role: 'status' });
      bar.append(
        button('▶▶', 'Run what comes before this slide', () => this.runToHere()),
        button('‹', 'Previous (←)', () => this.previous()),
        this.place,
        button('›', 'Next (→, Space)', () => this.next()),
        button('×', 'Leave the slides (Alt + P)', () => this.leave()),
        this.said
      );
      return bar;
    }

    scroller() {
      return this.panel.node.querySelector('.jp-WindowedPanel-outer');
    }
  }

  /** All around the notebook: bars, sidebars, menus, status. */
  function chromeOf(shell) {
    const parts = [];
    const walk = widget => {
      for (const child of widget.layout || []) {
        if (child.id === 'jp-main-dock-panel') continue;
        if (child.contains && child.node.querySelector('#jp-main-dock-panel')) walk(child);
        else parts.push(child);
      }
    };
    walk(shell);
    return parts;
  }

  async function load(shared, name) {
    const versions = Object.values(shared[name]);
    return (await versions.find(version => version.loaded || versions.length === 1 || version.from).get())();
  }

  async function plugin(shared) {
    const { INotebookTracker, NotebookActions } = await load(shared, '@jupyterlab/notebook');
    return {
      id: `${NAME}:plugin`,
      description: 'The cells of a notebook as slides.',
      autoStart: true,
      requires: [INotebookTracker],
      activate: (app, tracker) => {
        document.head.append(Object.assign(document.createElement('link'), { rel: 'stylesheet', href: style }));
        const decks = new WeakMap();
        const deckOf = panel => {
          if (!decks.has(panel)) decks.set(panel, new Deck(app, panel, NotebookActions));
          return decks.get(panel);
        };
        const command = 'ltr-slides:toggle';
        app.commands.addCommand(command, {
          label: 'Present as Slides',
          isEnabled: () => tracker.currentWidget !== null,
          execute: () => deckOf(tracker.currentWidget).toggle()
        });
        app.commands.addKeyBinding({ command, keys: ['Alt P'], selector: 'body' });
        let first = true;
        tracker.widgetAdded.connect(async (_, panel) => {
          if (!first) return;
          first = false;
          await Promise.all([app.restored, panel.context.ready, panel.revealed]);
          app.shell.mode = 'single-document';
          deckOf(panel).enter();
        });
      }
    };
  }

  let shared;
  (window._JUPYTERLAB ||= {})[NAME] = {
    init: scope => {
      shared = scope;
    },
    get: async () => {
      const made = await plugin(shared);
      return () => made;
    }
  };
})();
