/** The tray: an icon per state, and the menu that `tray-menu.ts` describes. */
import { join } from 'node:path'
import { Menu, nativeImage, nativeTheme, Tray, type MenuItemConstructorOptions, type NativeImage } from 'electron'
import type { Say } from './texts.ts'
import { trayMenu, trayTooltip, type MenuEntry, type TrayAction } from './tray-menu.ts'
import { trayState, type NodeView, type TrayState } from './tray-state.ts'

/** Pixels of the tray icon at scale 1; the images for other scales lie beside it. */
const SIZES: Readonly<Record<string, number>> = { darwin: 16, win32: 16, linux: 22 }

const toTemplate = (entry: MenuEntry, act: (action: TrayAction) => void): MenuItemConstructorOptions => {
  switch (entry.kind) {
    case 'separator':
      return { type: 'separator' }
    case 'submenu':
      return { label: entry.label, submenu: entry.entries.map((inner) => toTemplate(inner, act)) }
    case 'action':
      return { label: entry.label, click: () => act(entry.action) }
  }
}

export class LatticeTray {
  readonly #tray: Tray
  readonly #images: string
  readonly #say: Say
  readonly #act: (action: TrayAction) => void
  #view: NodeView
  /** What is shown, to leave the menu alone while it stays so: a person may have it open. */
  #shown = ''

  /** `images`: the directory with the built icons. */
  constructor(images: string, view: NodeView, say: Say, act: (action: TrayAction) => void) {
    this.#images = images
    this.#view = view
    this.#say = say
    this.#act = act
    this.#tray = new Tray(this.#image(trayState(view)))
    this.#tray.on('click', () => act({ do: 'open' }))
    nativeTheme.on('updated', () => this.#tray.setImage(this.#image(trayState(this.#view))))
    this.show(view)
  }

  show(view: NodeView): void {
    this.#view = view
    const state = trayState(view)
    const entries = trayMenu(view, this.#say)
    const tooltip = trayTooltip(view, this.#say)
    const shown = JSON.stringify([state, tooltip, entries])
    if (shown === this.#shown) return
    this.#shown = shown
    this.#tray.setImage(this.#image(state))
    this.#tray.setToolTip(tooltip)
    this.#tray.setContextMenu(Menu.buildFromTemplate(entries.map((entry) => toTemplate(entry, this.#act))))
  }

  /** The language changed. */
  speak(): void {
    this.show(this.#view)
  }

  close(): void {
    this.#tray.destroy()
  }

  /** The colour is the panel's: on macOS the system recolours a template, elsewhere it follows the theme. */
  #image(state: TrayState): NativeImage {
    const size = SIZES[process.platform] ?? 22
    const panel = process.platform === 'darwin' || !nativeTheme.shouldUseDarkColors ? 'light' : 'dark'
    const image = nativeImage.createFromPath(join(this.#images, 'tray', `${state}-${panel}-${size}.png`))
    if (process.platform === 'darwin') image.setTemplateImage(true)
    return image
  }
}
