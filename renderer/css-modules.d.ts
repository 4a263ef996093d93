/** What a CSS module is to the compiler: its class names. */
declare module '*.module.css' {
  const classes: Readonly<Record<string, string>>
  export default classes
}
