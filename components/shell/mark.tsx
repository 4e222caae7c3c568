/** The helm: a wheel with six spokes. */
export function Mark({ className }: { className?: string }) {
  return (
    <svg
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.75"
      strokeLinecap="round"
      aria-hidden
      className={className}
    >
      <circle cx="12" cy="12" r="6" />
      <circle cx="12" cy="12" r="1.5" fill="currentColor" />
      <path d="M12 10.5V2.500M12 13.500v8M10.700 12.750l-6.930 4M13.300 11.250l6.930-4M10.700 11.250l-6.930-4M13.300 12.750l6.930 4" />
    </svg>
  );
}
