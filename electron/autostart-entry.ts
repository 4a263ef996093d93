/** The text of the autostart file; the quoting is that of the Desktop Entry Specification, "The Exec key". Pure. */

/** Inside quotes these four need a backslash, which the file's own escaping doubles; a percent sign is doubled. */
const quote = (arg: string): string =>
  `"${arg
    .replaceAll(/["`$\\]/g, (found) => `\\${found}`)
    .replaceAll('\\', '\\\\')
    .replaceAll('%', '%%')}"`

/** `comments` by language; without English there would be none for the rest of the world. */
export const autostartEntry = (
  command: readonly string[],
  { en = '', ...others }: Readonly<Record<string, string>>,
): string =>
  [
    '[Desktop Entry]',
    'Type=Application',
    'Name=Lattice',
    `Comment=${en}`,
    ...Object.entries(others).map(([language, comment]) => `Comment[${language}]=${comment}`),
    `Exec=${command.map(quote).join(' ')}`,
    'Icon=lattice-desktop',
    'Terminal=false',
    'X-GNOME-Autostart-enabled=true',
    '',
  ].join('\n')
