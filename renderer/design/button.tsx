/** Buttons. `primary` is the one thing a screen is for; `danger` takes something away. */
import { Button as AriaButton, type ButtonProps as AriaButtonProps } from 'react-aria-components'
import css from './button.module.css'

export interface ButtonProps extends Omit<AriaButtonProps, 'className' | 'style'> {
  readonly kind?: 'primary' | 'plain' | 'quiet' | 'danger'
  readonly size?: 'normal' | 'small'
}

export const Button = ({ kind = 'plain', size = 'normal', ...props }: ButtonProps) => (
  <AriaButton {...props} className={[css['button'], css[kind], css[size]].join(' ')} />
)
