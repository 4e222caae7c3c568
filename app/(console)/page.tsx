export default function P() { return <h1>Overview</h1>; }
